//! Which environment a run takes place in, and what can be done there: before anything is started.

use super::docker::toxiproxy::Proxy;
use super::{EnvironmentError, able, docker, process};
use crate::environment::docker::daemon::DockerError;
use workloads::{EnvironmentKind, FaultKind, Proposers};

/// What a user says about where it is to take place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) kind: Option<EnvironmentKind>,
    pub(crate) proposers: Option<Proposers>,
    pub(crate) image: Option<String>,
    pub(crate) toxiproxy_image: Option<String>,
    /// A Toxiproxy that is there already.
    pub(crate) toxiproxy: Option<String>,
    /// Services that are there already.
    pub(crate) services: bool,
}

/// Where a run takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) kind: EnvironmentKind,
    /// Why that one, and why not the ones before it, when the choice was left to the harness.
    pub(crate) why: Vec<String>,
    able: Vec<FaultKind>,
}

impl Chosen {
    fn new(kind: EnvironmentKind, why: Vec<String>, proposers: Proposers, ours: bool) -> Self {
        let can = |fault: &FaultKind| {
            let services = proposers != Proposers::Inside;
            (services || !matches!(fault.befalls(), workloads::Befalls::Proposer))
                && (ours || !NOT_TOXIPROXY.contains(fault))
        };
        Self { kind, why, able: able(kind).iter().copied().filter(can).collect() }
    }

    /// The faults that this run's environment can do.
    pub(crate) fn able(&self) -> &[FaultKind] {
        &self.able
    }
}

/// What the genuine Toxiproxy cannot do, and our own proxy can.
const NOT_TOXIPROXY: &[FaultKind] = &[FaultKind::Loss, FaultKind::Drop];

/// Chooses where to run. Images that are missing are pulled now.
///
/// # Errors
/// When the one that is wanted cannot serve on this machine, or does not go with what else is wanted.
pub(crate) async fn choose(wanted: &Wanted) -> Result<Chosen, EnvironmentError> {
    let proposers = wanted.proposers.unwrap_or(Proposers::Inside);
    let kind = wanted.kind.unwrap_or(EnvironmentKind::Auto);
    let inside = |kind| Chosen::new(kind, Vec::new(), proposers, true);
    match kind {
        EnvironmentKind::Auto => automatic(wanted, proposers).await,
        EnvironmentKind::Docker => {
            if let Some(problem) = not_docker(wanted, proposers) {
                return Err(EnvironmentError::Mismatch(problem));
            }
            let offer = offer(wanted).await?;
            Ok(Chosen::new(kind, Vec::new(), proposers, is_ours(&offer)))
        }
        _ if proposers == Proposers::Container => Err(EnvironmentError::Mismatch(
            "proposers in containers need --environment docker",
        )),
        EnvironmentKind::Process if process::server().is_none() => Err(EnvironmentError::NoRedis),
        EnvironmentKind::Process | EnvironmentKind::Embedded | EnvironmentKind::External => {
            Ok(inside(kind))
        }
    }
}

/// The first one that can serve.
async fn automatic(wanted: &Wanted, proposers: Proposers) -> Result<Chosen, EnvironmentError> {
    let chosen = |kind, why, ours| Ok(Chosen::new(kind, why, proposers, ours));
    if wanted.services {
        let why = String::from("environment external: services are given");
        return chosen(EnvironmentKind::External, vec![why], true);
    }
    let mut why = Vec::new();
    match not_docker(wanted, proposers) {
        Some(problem) => why.push(format!("not docker: {problem}")),
        None => match offer(wanted).await {
            Ok(offer) => {
                why.push(format!("environment docker: the daemon answers, and {} is there", offer.image));
                return chosen(EnvironmentKind::Docker, why, is_ours(&offer));
            }
            // These need containers.
            Err(error) if proposers == Proposers::Container || wanted.image.is_some() => {
                return Err(error.into());
            }
            Err(error) => why.push(format!("not docker: {error}")),
        },
    }
    if let Some(server) = process::server() {
        why.push(format!("environment process: {} is on the PATH", server.display()));
        return chosen(EnvironmentKind::Process, why, true);
    }
    if proposers == Proposers::Process {
        return Err(EnvironmentError::NoRedis);
    }
    why.push(String::from("not process: there is no redis-server on the PATH"));
    why.push(String::from("environment embedded: it needs nothing"));
    chosen(EnvironmentKind::Embedded, why, true)
}

/// What is wanted that does not go with containers.
fn not_docker(wanted: &Wanted, proposers: Proposers) -> Option<&'static str> {
    if proposers == Proposers::Process {
        return Some("acceptors in containers go with --proposers inside or container");
    }
    if wanted.toxiproxy.is_some() {
        return Some("containers have a Toxiproxy of their own; --toxiproxy goes with process");
    }
    None
}

async fn offer(wanted: &Wanted) -> Result<docker::Offer, DockerError> {
    docker::offer(wanted.image.as_deref(), wanted.toxiproxy_image.as_deref()).await
}

/// Whether the links go through our own proxy.
const fn is_ours(offer: &docker::Offer) -> bool {
    matches!(offer.proxy, Proxy::Own(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toxiproxy_does_less_and_proposers_inside_cannot_be_struck() {
        let kind = EnvironmentKind::Docker;
        let ours = Chosen::new(kind, Vec::new(), Proposers::Container, true);
        assert_eq!(ours.able(), able(kind));
        let theirs = Chosen::new(kind, Vec::new(), Proposers::Inside, false);
        assert!(!theirs.able().contains(&FaultKind::ProposerKill));
        assert!(!theirs.able().contains(&FaultKind::Loss));
        assert!(theirs.able().contains(&FaultKind::Kill));
    }

    #[tokio::test]
    async fn what_does_not_go_together_is_refused() {
        let container = Wanted {
            kind: Some(EnvironmentKind::Embedded),
            proposers: Some(Proposers::Container),
            ..Wanted::default()
        };
        let process = Wanted {
            kind: Some(EnvironmentKind::Docker),
            proposers: Some(Proposers::Process),
            ..Wanted::default()
        };
        for wanted in [container, process] {
            let refused = choose(&wanted).await;
            assert!(matches!(refused, Err(EnvironmentError::Mismatch(_))), "{refused:?}");
        }
    }
}
