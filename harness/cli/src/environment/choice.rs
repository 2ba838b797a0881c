//! Which environment a run takes place in, and what can be done there: before anything is started.

use super::docker::daemon::DockerError;
use super::docker::toxiproxy::{OWN, Proxy};
use super::{EnvironmentError, able, docker, embedded, external, placement, process};
use crate::links;
use workloads::{Befalls, EnvironmentKind, FaultKind, Proposers};

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
    pub(crate) services: Vec<String>,
    /// The faults that were asked for one by one: all of them must be possible.
    pub(crate) needs: Vec<FaultKind>,
}

impl Wanted {
    /// The environment that it must be, or else one that it may be.
    pub(crate) fn guess(&self) -> EnvironmentKind {
        match (self.kind, self.proposers) {
            (Some(kind), _) if kind != EnvironmentKind::Auto => kind,
            _ if !self.services.is_empty() => EnvironmentKind::External,
            (_, Some(Proposers::Container)) => EnvironmentKind::Docker,
            _ => EnvironmentKind::Process,
        }
    }

    /// What could be done in it on some machine; everything, where the choice is left to the harness.
    pub(crate) fn conceivable(&self) -> &'static [FaultKind] {
        match self.kind {
            None | Some(EnvironmentKind::Auto) => FaultKind::ALL,
            Some(kind) => able(kind),
        }
    }

    /// The first fault that is needed and not among these.
    fn lacks(&self, able: &[FaultKind]) -> Option<FaultKind> {
        self.needs.iter().copied().find(|kind| !able.contains(kind))
    }
}

/// Where a run takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) kind: EnvironmentKind,
    /// Why that one, and why not the ones before it, when the choice was left to the harness.
    pub(crate) why: Vec<String>,
    /// The faults that can be done there.
    pub(crate) able: Vec<FaultKind>,
    /// How many acceptors there are, where that is not for the harness to say.
    pub(crate) acceptors: Option<u32>,
    /// What the links of containers go through: found out once, so that a run and its repetitions
    /// have the same.
    pub(crate) toxiproxy_image: Option<String>,
}

impl Chosen {
    const fn new(kind: EnvironmentKind, able: Vec<FaultKind>) -> Self {
        Self { kind, why: Vec::new(), able, acceptors: None, toxiproxy_image: None }
    }

    fn because(mut self, mut why: Vec<String>) -> Self {
        why.append(&mut self.why);
        Self { why, ..self }
    }
}

/// Chooses where to run. Images that are missing are pulled now.
///
/// # Errors
/// When the one that is wanted cannot serve on this machine, or does not go with what else is wanted.
pub(crate) async fn choose(wanted: &Wanted) -> Result<Chosen, EnvironmentError> {
    let proposers = wanted.proposers.unwrap_or(Proposers::Inside);
    let kind = wanted.kind.unwrap_or(EnvironmentKind::Auto);
    if kind != EnvironmentKind::Auto {
        placement::check(kind, proposers)?;
    }
    if let Some(problem) = idle(wanted, kind) {
        return Err(EnvironmentError::Mismatch(problem));
    }
    match kind {
        EnvironmentKind::Auto => automatic(wanted, proposers).await,
        EnvironmentKind::Docker => {
            if let Some(problem) = not_docker(wanted, proposers) {
                return Err(EnvironmentError::Mismatch(problem));
            }
            Ok(in_containers(&offer(wanted).await?, proposers))
        }
        EnvironmentKind::Process if process::server().is_none() => Err(EnvironmentError::NoRedis),
        EnvironmentKind::Process => Ok(Chosen::new(kind, process::able(proposers))),
        EnvironmentKind::Embedded => Ok(Chosen::new(kind, embedded::ABLE.to_vec())),
        EnvironmentKind::External => outside(wanted).await,
    }
}

/// The first one that can serve, and can do what is needed. Where none can, the last is taken, and the
/// scenario refused with what it can do.
async fn automatic(wanted: &Wanted, proposers: Proposers) -> Result<Chosen, EnvironmentError> {
    if !wanted.services.is_empty() {
        let why = String::from("environment external: services are given");
        return Ok(outside(wanted).await?.because(vec![why]));
    }
    let mut why = Vec::new();
    match not_docker(wanted, proposers) {
        Some(problem) => why.push(format!("not docker: {problem}")),
        None if let Some(kind) = wanted.lacks(docker::ABLE) => why.push(cannot("docker", kind)),
        None => match offer(wanted).await {
            Ok(offer) => {
                let image = &offer.image;
                why.push(format!("environment docker: it answers, and has the image {image}"));
                return Ok(in_containers(&offer, proposers).because(why));
            }
            // These need containers.
            Err(error) if proposers == Proposers::Container || wanted.image.is_some() => {
                return Err(error.into());
            }
            Err(error) => why.push(format!("not docker: {error}")),
        },
    }
    let able = process::able(proposers);
    let elsewhere = wanted.lacks(&able).filter(|_| wanted.lacks(embedded::ABLE).is_none());
    if let Some(kind) = elsewhere {
        why.push(cannot("process", kind));
    } else if let Some(server) = process::server() {
        why.push(format!("environment process: {} is on the PATH", server.display()));
        return Ok(Chosen::new(EnvironmentKind::Process, able).because(why));
    }
    if proposers == Proposers::Process || wanted.toxiproxy.is_some() {
        return Err(EnvironmentError::NoRedis);
    }
    why.push(String::from("not process: there is no redis-server on the PATH"));
    why.push(String::from("environment embedded: it needs nothing"));
    Ok(Chosen::new(EnvironmentKind::Embedded, embedded::ABLE.to_vec()).because(why))
}

fn cannot(environment: &str, kind: FaultKind) -> String {
    format!("not {environment}: it cannot do {kind}")
}

/// Containers, with what can be done to them, to these proposers, and to links of this kind.
fn in_containers(offer: &docker::Offer, proposers: Proposers) -> Chosen {
    let ours = matches!(offer.proxy, Proxy::Own(_));
    let can = |fault: &FaultKind| match fault.befalls() {
        Befalls::Proposer => proposers != Proposers::Inside,
        Befalls::Links => ours || links::is_genuine(*fault),
        Befalls::Acceptor | Befalls::Cluster => true,
    };
    let able = docker::ABLE.iter().copied().filter(can).collect();
    let (image, why) = match &offer.proxy {
        Proxy::Own(why) => {
            let why = format!("the links go through the harness's own proxy ({why})");
            (OWN.to_owned(), vec![why])
        }
        Proxy::Toxiproxy(image) => (image.clone(), Vec::new()),
    };
    let chosen = Chosen::new(EnvironmentKind::Docker, able);
    Chosen { toxiproxy_image: Some(image), ..chosen }.because(why)
}

/// A cluster that is there already, as it is found.
async fn outside(wanted: &Wanted) -> Result<Chosen, EnvironmentError> {
    let acceptors = external::look(&wanted.services, wanted.toxiproxy.as_deref()).await?;
    let chosen = Chosen::new(EnvironmentKind::External, external::ABLE.to_vec());
    Ok(Chosen { acceptors: Some(acceptors), ..chosen })
}

/// What is wanted that would do nothing in this environment.
fn idle(wanted: &Wanted, kind: EnvironmentKind) -> Option<&'static str> {
    if matches!(kind, EnvironmentKind::Auto | EnvironmentKind::Docker) {
        return None;
    }
    if wanted.image.is_some() {
        return Some("image: only containers have one; leave it out, or use --environment docker");
    }
    if wanted.toxiproxy_image.is_some() {
        return Some(
            "toxiproxy-image: only containers have one; leave it out, or use --environment docker",
        );
    }
    None
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
    let (image, toxiproxy) = (wanted.image.as_deref(), wanted.toxiproxy_image.as_deref());
    docker::offer(image, toxiproxy, &wanted.needs).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toxiproxy_does_less_and_proposers_inside_cannot_be_struck() {
        let offer = |proxy| docker::Offer { image: String::from("redis"), proxy };
        let ours = offer(Proxy::Own(String::new()));
        assert_eq!(in_containers(&ours, Proposers::Container).able, docker::ABLE);
        let theirs = offer(Proxy::Toxiproxy(String::from("toxiproxy")));
        let theirs = in_containers(&theirs, Proposers::Inside).able;
        assert!(!theirs.contains(&FaultKind::ProposerKill));
        assert!(!theirs.contains(&FaultKind::Loss));
        assert!(theirs.contains(&FaultKind::Kill));
    }

    #[test]
    fn an_environment_is_guessed_and_asked_for_what_is_needed() {
        use EnvironmentKind::{Auto, Docker, Embedded, External, Process};
        let wanted = |kind, proposers, services: &[&str]| Wanted {
            kind,
            proposers,
            services: services.iter().map(|service| (*service).to_owned()).collect(),
            needs: vec![FaultKind::Cut, FaultKind::DiskFull],
            ..Wanted::default()
        };
        for (wanted, guess) in [
            (wanted(None, None, &[]), Process),
            (wanted(Some(Auto), None, &[]), Process),
            (wanted(Some(Auto), Some(Proposers::Container), &[]), Docker),
            (wanted(None, Some(Proposers::Process), &[]), Process),
            (wanted(None, None, &["http://s"]), External),
            (wanted(Some(Docker), None, &[]), Docker),
            (wanted(Some(Embedded), None, &[]), Embedded),
        ] {
            assert_eq!(wanted.guess(), guess, "{wanted:?}");
            assert_eq!(wanted.lacks(docker::ABLE), Some(FaultKind::DiskFull));
            assert_eq!(wanted.lacks(process::ABLE), None);
        }
    }

    #[tokio::test]
    async fn an_image_where_there_are_no_containers_is_refused() {
        for kind in [EnvironmentKind::Process, EnvironmentKind::Embedded, EnvironmentKind::External]
        {
            for (image, toxiproxy_image) in [(Some("redis:7"), None), (None, Some("own"))] {
                let wanted = Wanted {
                    kind: Some(kind),
                    image: image.map(String::from),
                    toxiproxy_image: toxiproxy_image.map(String::from),
                    ..Wanted::default()
                };
                let refused = choose(&wanted).await.unwrap_err().to_string();
                assert!(refused.contains("image: only containers have one"), "{kind}: {refused}");
            }
        }
    }

    #[tokio::test]
    async fn what_does_not_go_together_is_refused() {
        let wanted = Wanted {
            kind: Some(EnvironmentKind::Docker),
            proposers: Some(Proposers::Process),
            ..Wanted::default()
        };
        let refused = choose(&wanted).await;
        assert!(matches!(refused, Err(EnvironmentError::Misplaced(_))), "{refused:?}");
        let wanted = Wanted {
            kind: Some(EnvironmentKind::Docker),
            toxiproxy: Some(String::from("http://127.0.0.1:8474")),
            ..Wanted::default()
        };
        let refused = choose(&wanted).await;
        assert!(matches!(refused, Err(EnvironmentError::Mismatch(_))), "{refused:?}");
    }
}
