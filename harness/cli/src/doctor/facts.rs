//! What is there on this machine. Looking changes nothing: no image is pulled, nothing is started.

use crate::environment;
use crate::environment::docker::daemon::DockerError;
use crate::environment::docker::{daemon, image, own_image};
use bollard::Docker;
use bollard::query_parameters::InspectNetworkOptions;
use serde::Serialize;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::num::NonZero;
use std::process::Command;
use std::time::Duration;
use tokio::time::timeout;
use workloads::{EnvironmentKind, FaultKind};

/// A registry that can be reached answers within this.
const REGISTRY: Duration = Duration::from_secs(5);

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Facts {
    /// Docker, or why not.
    pub(crate) docker: Result<DockerFacts, String>,
    /// The version of the `redis-server` on the PATH.
    pub(crate) redis_server: Option<String>,
    /// Programs that faults of processes need, and whether they are on the PATH.
    pub(crate) tools: Vec<(String, bool)>,
    /// Whether a port of 127.0.0.1 can be listened on.
    pub(crate) loopback: bool,
    /// The number of the user that the harness acts as.
    pub(crate) user: Option<u32>,
    /// How many files a process may have open.
    pub(crate) open_files: Option<u64>,
    /// What the system's clock goes by.
    pub(crate) clock: Option<String>,
    pub(crate) cores: usize,
    /// The machine's memory, in MiB.
    pub(crate) memory: Option<u64>,
    /// What can be done in processes on this machine.
    #[serde(skip)]
    pub(crate) process_able: Vec<FaultKind>,
}

/// What there is of Docker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DockerFacts {
    pub(crate) version: String,
    /// The acceptors' usual image.
    pub(crate) redis: ImageFact,
    /// Toxiproxy's usual image.
    pub(crate) toxiproxy: ImageFact,
    /// Whether its bridges are on this machine, so that containers are reached by their addresses.
    pub(crate) bridges: bool,
    /// How many images of the harness's own executables there are, of whatever build.
    pub(crate) own_images: usize,
}

/// How an image can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub(crate) enum ImageFact {
    There,
    /// A run would pull it.
    Pullable,
    Missing {
        reason: String,
    },
}

/// Looks.
pub(crate) async fn look() -> Facts {
    Facts {
        docker: look_at_docker().await,
        redis_server: redis_server(),
        tools: ["setpriv", "prlimit", "env"]
            .map(|tool| (tool.to_owned(), which::which(tool).is_ok()))
            .to_vec(),
        loopback: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).is_ok(),
        user: user(&read("/proc/self/status")),
        open_files: open_files(&read("/proc/self/limits")),
        clock: some(
            read("/sys/devices/system/clocksource/clocksource0/current_clocksource").trim(),
        ),
        cores: std::thread::available_parallelism().map_or(1, NonZero::get),
        memory: memory(&read("/proc/meminfo")),
        process_able: environment::able_here(EnvironmentKind::Process),
    }
}

async fn look_at_docker() -> Result<DockerFacts, String> {
    let (docker, version) = match daemon::connect().await {
        Ok(there) => there,
        Err(DockerError::NoDaemon(reason)) => return Err(reason),
        Err(error) => return Err(error.to_string()),
    };
    let (redis, toxiproxy, bridges, own_images) = tokio::join!(
        look_for(&docker, image::REDIS),
        look_for(&docker, image::TOXIPROXY),
        bridges_are_here(&docker),
        own_image::all(&docker)
    );
    let own_images = own_images.map_or(0, |images| images.len());
    Ok(DockerFacts { version, redis, toxiproxy, bridges, own_images })
}

async fn look_for(docker: &Docker, image: &str) -> ImageFact {
    if image::is_there(docker, image).await.unwrap_or(false) {
        return ImageFact::There;
    }
    match timeout(REGISTRY, docker.inspect_registry_image(image, None)).await {
        Ok(Ok(_)) => ImageFact::Pullable,
        Ok(Err(error)) => ImageFact::Missing { reason: daemon::reason(&error) },
        Err(_) => ImageFact::Missing { reason: format!("no answer in {} s", REGISTRY.as_secs()) },
    }
}

/// Whether Docker's own bridge is on this machine: only then can its address be listened on.
async fn bridges_are_here(docker: &Docker) -> bool {
    let network = docker.inspect_network("bridge", None::<InspectNetworkOptions>).await;
    let configs = network.ok().and_then(|network| network.ipam?.config).unwrap_or_default();
    let mut addresses = configs.into_iter().filter_map(|config| {
        let gateway = config.gateway.and_then(|gateway| gateway.parse().ok());
        gateway.or_else(|| first_address(&config.subnet?))
    });
    addresses.any(|address: Ipv4Addr| TcpListener::bind((address, 0)).is_ok())
}

/// The first address of a subnet, which is the bridge's where nothing else is said: of 172.17.0.0/16
/// it is 172.17.0.1.
fn first_address(subnet: &str) -> Option<Ipv4Addr> {
    let base: Ipv4Addr = subnet.split_once('/')?.0.parse().ok()?;
    Some(Ipv4Addr::from_bits(base.to_bits().checked_add(1)?))
}

fn redis_server() -> Option<String> {
    let output = Command::new("redis-server").arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map(str::to_owned)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The soft limit in what the system says about a process's limits.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The second of the users in what the system says about a process: the one that counts.
fn user(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        let limits = "Limit    Soft Limit   Hard Limit   Units\n\
            Max open files            1024                 4096                 files\n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(user("Name:\tx\nUid:\t1000\t0\t1000\t1000\n"), Some(0));
        assert_eq!(memory("MemTotal:       24680000 kB\n"), Some(24101));
        assert_eq!(first_address("172.17.0.0/16"), Some(Ipv4Addr::new(172, 17, 0, 1)));
        assert_eq!((open_files(""), memory("")), (None, None));
    }
}
