//! One container: started by testcontainers at an address of its own, and from then on treated as
//! testcontainers has no way to.

use super::daemon::{DockerError, status, unless_gone};
use super::names::Names;
use crate::environment::EnvironmentError;
use crate::exit::with_causes;
use crate::journal::{Journal, Made};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerState, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest,
    NetworkDisconnectRequest,
};
use bollard::query_parameters::{
    KillContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures_util::StreamExt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::time::Instant;

/// How long a container may take to get into the state that it was asked into.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long somebody else may take to remove a container.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// How long a process may take to end in good order before it is killed, in seconds.
const GRACE: i32 = 10;
/// What a shell ends with that cannot start a program, or does not find it.
const MISSING: [i64; 2] = [126, 127];
/// Lines of a container's log that an error shows.
const LOG_LINES: usize = 12;

/// What a container is to be.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) command: Vec<String>,
    pub(super) address: Ipv4Addr,
    /// The port that tells that it is up.
    pub(super) port: u16,
}

/// A container that was started.
pub(super) struct Container {
    docker: Docker,
    spec: Spec,
    inner: ContainerAsync<GenericImage>,
}

impl Container {
    /// Starts one with the run's labels on the run's network, and gives it its own address.
    pub(super) async fn start(
        docker: &Docker,
        names: &Names,
        journal: &Journal,
        spec: Spec,
    ) -> Result<Self, EnvironmentError> {
        journal.note(&Made::Container { name: spec.name.clone() })?;
        let (image, tag) = name_and_tag(&spec.image);
        let request = GenericImage::new(image, tag)
            .with_cmd(spec.command.clone())
            .with_container_name(&spec.name)
            .with_network(names.network())
            .with_labels(names.labels())
            .with_startup_timeout(PATIENCE)
            // Nothing of it is to be seen from other machines.
            .with_host_config_modifier(|host| host.publish_all_ports = Some(false));
        let inner = request.start().await.map_err(|source| DockerError::Testcontainers {
            what: format!("start the container {}", spec.name),
            source: Box::new(source),
        });
        let inner = inner.map_err(|error| {
            if lacks_program(&with_causes(&error)) { no_program(&spec) } else { error }
        })?;
        let container = Self { docker: docker.clone(), spec, inner };
        container.settle(&names.network()).await?;
        Ok(container)
    }

    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }

    pub(super) fn address(&self) -> SocketAddr {
        (self.spec.address, self.spec.port).into()
    }

    pub(super) fn image(&self) -> &str {
        &self.spec.image
    }

    /// Gives it its own address for good: Docker gives another one after every start to those that
    /// never asked.
    async fn settle(&self, network: &str) -> Result<(), DockerError> {
        self.disconnect(network).await?;
        self.connect(network).await
    }

    /// Takes it off the network.
    pub(super) async fn disconnect(&self, network: &str) -> Result<(), DockerError> {
        let leave =
            NetworkDisconnectRequest { container: self.spec.name.clone(), force: Some(true) };
        let left = self.docker.disconnect_network(network, leave).await;
        left.map_err(self.call("take off the network"))
    }

    /// Puts it on the network again, at its own address.
    pub(super) async fn connect(&self, network: &str) -> Result<(), DockerError> {
        let address = EndpointIpamConfig {
            ipv4_address: Some(self.spec.address.to_string()),
            ..EndpointIpamConfig::default()
        };
        let join = NetworkConnectRequest {
            container: self.spec.name.clone(),
            endpoint_config: Some(EndpointSettings {
                ipam_config: Some(address),
                ..EndpointSettings::default()
            }),
        };
        let joined = self.docker.connect_network(network, join).await;
        joined.map_err(self.call("put on the network"))
    }

    /// Sends it SIGKILL, and waits until it has ended.
    pub(super) async fn kill(&self) -> Result<(), DockerError> {
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        let killed = self.docker.kill_container(&self.spec.name, Some(options)).await;
        killed.map_err(self.call("kill"))?;
        self.wait_until("does not end", |state| state.running != Some(true)).await
    }

    /// Sends it SIGTERM, and waits until it has ended.
    pub(super) async fn stop(&self) -> Result<(), DockerError> {
        let options = StopContainerOptionsBuilder::new().t(GRACE).build();
        let stopped = self.docker.stop_container(&self.spec.name, Some(options)).await;
        stopped.map_err(self.call("stop"))?;
        self.wait_until("does not end", |state| state.running != Some(true)).await
    }

    /// Starts it again on what it had kept, at the same address.
    pub(super) async fn start_again(&self) -> Result<(), DockerError> {
        let started = self.docker.start_container(&self.spec.name, None).await;
        unless_gone(started).map_err(self.call("start again"))
    }

    /// Stops all its processes in their tracks.
    pub(super) async fn pause(&self) -> Result<(), DockerError> {
        self.docker.pause_container(&self.spec.name).await.map_err(self.call("pause"))
    }

    /// Lets them go on.
    pub(super) async fn unpause(&self) -> Result<(), DockerError> {
        self.docker.unpause_container(&self.spec.name).await.map_err(self.call("let go on"))
    }

    /// What the daemon says about its process.
    pub(super) async fn state(&self) -> Result<ContainerState, DockerError> {
        let seen = self.docker.inspect_container(&self.spec.name, None).await;
        Ok(seen.map_err(self.call("look at"))?.state.unwrap_or_default())
    }

    /// It must not have ended by itself.
    pub(super) async fn runs(&self) -> Result<(), DockerError> {
        let state = self.state().await?;
        if state.running == Some(true) {
            return Ok(());
        }
        Err(self.failed(&format!("is {}", words(&state))).await)
    }

    /// Waits until something holds of it.
    async fn wait_until(
        &self,
        otherwise: &str,
        holds: impl Fn(&ContainerState) -> bool + Send,
    ) -> Result<(), DockerError> {
        let until = Instant::now() + PATIENCE;
        while !holds(&self.state().await?) {
            if Instant::now() >= until {
                return Err(self.failed(otherwise).await);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Waits until `answers` says that it serves.
    pub(super) async fn up<A>(
        &self,
        answers: impl Fn(SocketAddr) -> A + Send,
    ) -> Result<(), DockerError>
    where
        A: Future<Output = bool> + Send,
    {
        let until = Instant::now() + PATIENCE;
        loop {
            if answers(self.address()).await {
                return Ok(());
            }
            let state = self.state().await?;
            if state.running != Some(true) && state.restarting != Some(true) {
                let code = state.exit_code.unwrap_or_default();
                if MISSING.contains(&code) {
                    return Err(no_program(&self.spec));
                }
                return Err(self.failed(&format!("ended at once (exit code {code})")).await);
            }
            if Instant::now() >= until {
                return Err(self.silent().await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// It runs and does not answer: either it cannot be reached from here, or it does not serve.
    async fn silent(&self) -> DockerError {
        let dialled = tokio::net::TcpStream::connect(self.address());
        match tokio::time::timeout(Duration::from_secs(1), dialled).await {
            Err(_) => DockerError::Unreachable {
                name: self.spec.name.clone(),
                address: self.spec.address,
            },
            Ok(_) => self.failed(&format!("does not answer within {} s", PATIENCE.as_secs())).await,
        }
    }

    async fn failed(&self, reason: &str) -> DockerError {
        let log = self.log().await;
        let lines: Vec<_> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        DockerError::Container {
            name: self.spec.name.clone(),
            reason: reason.to_owned(),
            log: last.iter().map(|line| format!("\n  {line}")).collect(),
        }
    }

    /// Everything that it wrote since it was made; empty when that cannot be had.
    pub(super) async fn log(&self) -> String {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut lines = self.docker.logs(&self.spec.name, Some(options));
        let mut text = String::new();
        while let Some(Ok(line)) = lines.next().await {
            text += &line.to_string();
        }
        text
    }

    /// Ends and removes it, with all that it kept.
    pub(super) async fn remove(self) -> Result<(), DockerError> {
        let name = self.spec.name.clone();
        self.inner.rm().await.map_err(|source| DockerError::Testcontainers {
            what: format!("remove the container {name}"),
            source: Box::new(source),
        })
    }

    fn call(&self, what: &str) -> impl FnOnce(Error) -> DockerError {
        DockerError::call(format!("{what} the container {}", self.spec.name))
    }
}

/// Ends and removes a container of which only the name is known, unless it is gone already.
pub(crate) async fn remove(docker: &Docker, name: &str) -> Result<(), DockerError> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let removed = match docker.remove_container(name, Some(options)).await {
        // Somebody else is about to remove it.
        Err(error) if status(&error) == Some(409) => gone(docker, name, error).await,
        other => unless_gone(other),
    };
    removed.map_err(DockerError::call(format!("remove the container {name}")))
}

/// Waits until a container is gone that somebody else removes.
async fn gone(docker: &Docker, name: &str, refused: Error) -> Result<(), Error> {
    let until = Instant::now() + GONE_WITHIN;
    loop {
        match docker.inspect_container(name, None).await {
            Err(error) if status(&error) == Some(404) => return Ok(()),
            Err(error) => return Err(error),
            Ok(_) if Instant::now() >= until => return Err(refused),
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// What the daemon says about a container's process, in words.
pub(super) fn words(state: &ContainerState) -> String {
    let pid = state.pid.unwrap_or_default();
    if state.paused == Some(true) {
        format!("paused (pid {pid})")
    } else if state.running == Some(true) {
        format!("running (pid {pid})")
    } else {
        format!("not running (exit code {})", state.exit_code.unwrap_or_default())
    }
}

/// Whether the daemon could not find the program that it was to start.
fn lacks_program(said: &str) -> bool {
    ["executable file not found", "no such file or directory"].iter().any(|no| said.contains(no))
}

fn no_program(spec: &Spec) -> DockerError {
    let program = spec.command.first().cloned().unwrap_or_default();
    DockerError::NoProgram { image: spec.image.clone(), program }
}

/// An image's name and its tag, `latest` when it has none. The part before the first slash may have a
/// port.
pub(super) fn name_and_tag(image: &str) -> (String, String) {
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[name..].rfind(':') {
        Some(colon) => (image[..name + colon].to_owned(), image[name + colon + 1..].to_owned()),
        None => (image.to_owned(), String::from("latest")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_name_and_a_tag() {
        for (image, name, tag) in [
            ("redis", "redis", "latest"),
            ("redis:8", "redis", "8"),
            ("ghcr.io/shopify/toxiproxy:2.12.0", "ghcr.io/shopify/toxiproxy", "2.12.0"),
            ("localhost:5000/redis", "localhost:5000/redis", "latest"),
            ("localhost:5000/redis:7", "localhost:5000/redis", "7"),
            ("redis@sha256:abcd", "redis@sha256", "abcd"),
        ] {
            assert_eq!(name_and_tag(image), (name.to_owned(), tag.to_owned()), "{image}");
        }
    }

    #[test]
    fn a_state_is_told_as_it_is() {
        let state = |running, paused, exit_code| {
            words(&ContainerState {
                running: Some(running),
                paused: Some(paused),
                pid: Some(42),
                exit_code: Some(exit_code),
                ..ContainerState::default()
            })
        };
        assert_eq!(state(true, false, 0), "running (pid 42)");
        assert_eq!(state(true, true, 0), "paused (pid 42)");
        assert_eq!(state(false, false, 137), "not running (exit code 137)");
    }
}
