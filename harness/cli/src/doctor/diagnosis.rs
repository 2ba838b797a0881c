//! Which environments work, what can be done there, and what would make more possible. Pure.

use super::facts::{Facts, ImageFact};
use crate::environment::able;
use crate::links;
use serde::Serialize;
use workloads::{Befalls, EnvironmentKind, FaultKind};

/// Fewer open files than this are not enough for many clients.
const FILES: u64 = 1024;

/// What comes of the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Diagnosis {
    pub(crate) environments: Vec<Prospect>,
    /// What may spoil a run wherever it takes place.
    pub(crate) warnings: Vec<String>,
}

/// What is to be expected of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Prospect {
    #[serde(serialize_with = "name")]
    pub(crate) environment: EnvironmentKind,
    pub(crate) works: bool,
    /// Why, or why not.
    pub(crate) because: String,
    /// The one thing that would make it work, or make more possible.
    pub(crate) better: Option<String>,
    /// The faults that it can do, where it works.
    #[serde(serialize_with = "names")]
    pub(crate) able: Vec<FaultKind>,
}

fn name<S: serde::Serializer>(kind: &EnvironmentKind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.name())
}

fn names<S: serde::Serializer>(kinds: &[FaultKind], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(kinds.iter().map(|kind| kind.name()))
}

impl Diagnosis {
    /// Whether an environment of real servers works.
    pub(crate) fn is_well(&self) -> bool {
        let real = |prospect: &&Prospect| prospect.environment != EnvironmentKind::Embedded;
        self.environments.iter().filter(real).any(|prospect| prospect.works)
    }
}

/// What comes of the facts.
pub(crate) fn diagnose(facts: &Facts) -> Diagnosis {
    let mut warnings = Vec::new();
    if facts.open_files.is_some_and(|files| files < FILES) {
        warnings.push(format!("fewer than {FILES} open files: raise the limit with ulimit -n"));
    }
    if facts.cores < 2 {
        warnings.push(String::from("one core: clients, proxies and servers wait for each other"));
    }
    if facts
        .clock
        .as_deref()
        .is_some_and(|clock| !["tsc", "arch_sys_counter", "kvm-clock"].contains(&clock))
    {
        warnings.push(String::from("a slow clock: measured latencies are coarse"));
    }
    Diagnosis { environments: vec![docker(facts), process(facts), embedded(facts)], warnings }
}

fn docker(facts: &Facts) -> Prospect {
    let environment = EnvironmentKind::Docker;
    let not = |because: String, better: &str| Prospect {
        environment,
        works: false,
        because,
        better: Some(better.to_owned()),
        able: Vec::new(),
    };
    let docker = match &facts.docker {
        Ok(docker) => docker,
        Err(reason) => {
            return not(
                format!("Docker does not answer: {reason}"),
                "install Docker (Debian: apt-get install docker.io), start it, and be in its group",
            );
        }
    };
    if !docker.bridges {
        return not(
            String::from("containers cannot be reached by their addresses from here"),
            "run the harness on the machine (or in the virtual machine) that the daemon runs on",
        );
    }
    if let ImageFact::Missing { reason } = &docker.redis {
        return not(
            format!("the image redis:8 is not there and cannot be pulled: {reason}"),
            "make it (cargo xtask images), or name another with --image",
        );
    }
    let own = matches!(docker.toxiproxy, ImageFact::Missing { .. });
    let through = if own { "the harness's own proxy" } else { "Toxiproxy" };
    let can =
        |fault: &FaultKind| own || fault.befalls() != Befalls::Links || links::is_genuine(*fault);
    Prospect {
        environment,
        works: true,
        because: format!("Docker {}; links go through {through}", docker.version),
        better: Some(String::from(if own {
            "Toxiproxy itself: docker pull ghcr.io/shopify/toxiproxy:2.12.0"
        } else {
            "--toxiproxy-image own: loss and drop, which Toxiproxy cannot do; it is taken where they are asked for by name"
        })),
        able: able(environment).iter().copied().filter(can).collect(),
    }
}

fn process(facts: &Facts) -> Prospect {
    let environment = EnvironmentKind::Process;
    let (works, because, mut better) = match &facts.redis_server {
        Some(version) => (true, format!("redis-server {version} is on the PATH"), None),
        None => (
            false,
            String::from("there is no redis-server on the PATH"),
            Some(String::from("install it (Debian: apt-get install redis-server)")),
        ),
    };
    let missing = able(environment).iter().find(|kind| !facts.process_able.contains(kind));
    if let Some(missing) = missing.filter(|_| works) {
        let need = "needs prlimit (Debian: util-linux) and env --ignore-signal (coreutils)";
        better = Some(format!("{missing} {need}"));
    }
    let able = if works { facts.process_able.clone() } else { Vec::new() };
    let works = works && facts.loopback;
    Prospect { environment, works, because, better, able }
}

fn embedded(facts: &Facts) -> Prospect {
    let environment = EnvironmentKind::Embedded;
    let because = if facts.loopback {
        String::from("it needs nothing; its acceptors are no Redis")
    } else {
        String::from("no port of 127.0.0.1 can be listened on")
    };
    let able = able(environment).to_vec();
    Prospect { environment, works: facts.loopback, because, better: None, able }
}
