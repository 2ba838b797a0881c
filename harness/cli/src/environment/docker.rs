//! Redis in containers on a network of the run's own, behind a Toxiproxy that all links go through.
//!
//! | question | file |
//! |---|---|
//! | does the daemon answer, and what can go wrong with it? | `docker/daemon.rs` |
//! | what is everything called, and where does it stand? | `docker/names.rs` |
//! | which network is free? | `docker/network.rs` |
//! | which images are there, or can be had? | `docker/image.rs` |
//! | how does the harness's own executable become an image? | `docker/own_image.rs`, `docker/archive.rs` |
//! | how is a container started, killed, paused, looked at? | `docker/container.rs` |
//! | what is an acceptor, and what can befall it? | `docker/acceptor.rs` |
//! | how is the unsynced end of a log lost? | `docker/log_tail.rs` |
//! | which proxy do the links go through? | `docker/toxiproxy.rs` |
//! | what are proposers in containers? | `docker/proposer.rs` |
//! | how does everything go away, whoever has made it? | `docker/sweep.rs` |

mod acceptor;
mod archive;
pub(crate) mod container;
pub(crate) mod daemon;
pub(crate) mod image;
mod log_tail;
pub(crate) mod names;
pub(crate) mod network;
pub(crate) mod own_image;
mod proposer;
pub(crate) mod sweep;
#[cfg(test)]
mod tests;
pub(crate) mod toxiproxy;

use super::serving::Way;
use super::{EnvironmentError, Start, ToxiproxyPlace};
use crate::journal::Journal;
use acceptor::Acceptor;
use bollard::Docker as Daemon;
use container::{Container, Spec};
use daemon::DockerError;
use futures_util::future::{join, join_all};
use names::{Names, Subnet};
use proposer::Proposer;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use workloads::{FaultKind, Fsync, Mutant, Proposers, Span};

/// What can be done to these servers.
pub(super) const ABLE: &[FaultKind] = &[
    FaultKind::Cut,
    FaultKind::Blackhole,
    FaultKind::OneWay,
    FaultKind::Latency,
    FaultKind::Bandwidth,
    FaultKind::Slicing,
    FaultKind::Loss,
    FaultKind::Drop,
    FaultKind::Reset,
    FaultKind::Limit,
    FaultKind::Restart,
    FaultKind::Kill,
    FaultKind::Pause,
    FaultKind::Wipe,
    FaultKind::TailLost,
    FaultKind::Disconnect,
    FaultKind::Stall,
    FaultKind::MemoryFull,
    FaultKind::ProposerRestart,
    FaultKind::ProposerKill,
    FaultKind::ProposerPause,
    FaultKind::Membership,
];

/// What everything of a run stands on.
struct Ground {
    docker: Daemon,
    names: Names,
    journal: Arc<Journal>,
    subnet: Subnet,
    /// The acceptors' image.
    image: String,
    fsync: Fsync,
    /// Whether a wiped acceptor loses its place in the cluster, as it should.
    guarded: bool,
    logs: PathBuf,
}

/// Acceptors, proposers and a Toxiproxy in containers.
pub(crate) struct Docker {
    ground: Ground,
    /// The daemon's version.
    version: String,
    toxiproxy: Option<Container>,
    acceptors: Vec<Acceptor>,
    proposers: Vec<Proposer>,
    /// Where the proposers are to be.
    placed: Proposers,
    collect: Span,
}

/// What there is for a run in containers, before anything of it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The acceptors' image, which is there.
    pub(crate) image: String,
    /// What the links go through.
    pub(crate) proxy: toxiproxy::Proxy,
}

/// Sees whether a run that needs these faults can take place in containers. Images that are missing are
/// pulled.
pub(crate) async fn offer(
    image: Option<&str>,
    toxiproxy: Option<&str>,
    needs: &[FaultKind],
) -> Result<Offer, DockerError> {
    let (docker, _) = daemon::connect().await?;
    let image = image.unwrap_or(image::REDIS).to_owned();
    image::obtain(&docker, &image, image::WAYS_TO_REDIS).await?;
    let proxy = toxiproxy::choose(&docker, toxiproxy, needs).await?;
    Ok(Offer { image, proxy })
}

impl Ground {
    async fn start(&self, spec: Spec) -> Result<Container, EnvironmentError> {
        Container::start(&self.docker, &self.names, &self.journal, spec).await
    }
}

impl Docker {
    /// Makes the network, and starts the Toxiproxy and an acceptor for each node.
    pub(crate) async fn start(start: &Start<'_>) -> Result<Self, EnvironmentError> {
        let scenario = start.scenario;
        let (docker, version) = daemon::connect().await?;
        let (image, toxiproxy) = (scenario.image.as_deref(), scenario.toxiproxy_image.as_deref());
        let Offer { image, proxy } = offer(image, toxiproxy, &[]).await?;
        fs::create_dir_all(start.logs)
            .map_err(|source| EnvironmentError::Io { path: start.logs.to_owned(), source })?;
        let (journal, names) = (Arc::clone(start.journal), Names::new(start.journal.run()));
        let subnet = network::create(&docker, &names, &journal).await?;
        let logs = start.logs.to_owned();
        let (fsync, guarded) = (scenario.fsync, scenario.mutant != Some(Mutant::Unguarded));
        let ground = Ground { docker, names, journal, subnet, image, fsync, guarded, logs };
        // All starts are waited for, also when one fails: nothing is made behind our back then.
        let acceptors =
            join_all((1..=scenario.nodes).map(|number| Acceptor::start(&ground, number)));
        let (toxiproxy, acceptors) = join(toxiproxy::start(&ground, &proxy), acceptors).await;
        let toxiproxy = Some(toxiproxy?);
        let acceptors = acceptors.into_iter().collect::<Result<_, _>>()?;
        let (placed, collect) = (scenario.proposers, scenario.collect);
        Ok(Self { ground, version, toxiproxy, acceptors, proposers: Vec::new(), placed, collect })
    }

    /// Starts one more acceptor, and answers its number.
    pub(crate) async fn add(&mut self) -> Result<u32, EnvironmentError> {
        let number = u32::try_from(self.acceptors.len() + 1).unwrap_or(u32::MAX);
        self.acceptors.push(Acceptor::start(&self.ground, number).await?);
        Ok(number)
    }

    pub(crate) fn address(&self, acceptor: u32) -> SocketAddr {
        self.acceptors[acceptor as usize - 1].address()
    }

    /// Where an acceptor will listen that is still to be started.
    pub(crate) fn address_ahead(&self, acceptor: u32) -> Option<SocketAddr> {
        acceptor::address(&self.ground, acceptor)
    }

    /// Where the Toxiproxy is.
    pub(crate) fn toxiproxy(&self) -> ToxiproxyPlace {
        let address = self.ground.subnet.toxiproxy();
        ToxiproxyPlace {
            api: format!("http://{address}:8474"),
            listen: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            reach: IpAddr::V4(address),
            numbered: true,
            existing: false,
        }
    }

    pub(crate) async fn inject(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        self.acceptors[acceptor as usize - 1].inject(&self.ground, fault).await
    }

    pub(crate) async fn undo(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        self.acceptors[acceptor as usize - 1].undo(fault).await
    }

    /// Kills one and lets another take its place that knows nothing.
    pub(crate) async fn wipe(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        self.acceptors[acceptor as usize - 1].wipe(&self.ground).await
    }

    /// Ends one for good, unless it has ended already.
    pub(crate) async fn end(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        self.acceptors[acceptor as usize - 1].retire(&self.ground).await
    }

    pub(crate) async fn all_there(&self) -> Result<(), EnvironmentError> {
        for acceptor in &self.acceptors {
            acceptor.all_there().await?;
        }
        for proposer in &self.proposers {
            proposer.all_there().await?;
        }
        Ok(())
    }

    pub(crate) fn tail_lost(&self, acceptor: u32) -> Option<u64> {
        self.acceptors.get(acceptor as usize - 1)?.tail_lost()
    }

    pub(crate) async fn evidence(&mut self, acceptor: u32) -> String {
        self.acceptors[acceptor as usize - 1].evidence().await
    }

    /// The daemon's version, and the images.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        let image = |container: &Container| container.image().to_owned();
        let toxiproxy = self.toxiproxy.as_ref().map_or_else(String::new, image);
        vec![
            (String::from("docker"), self.version.clone()),
            (String::from("image of the acceptors"), self.ground.image.clone()),
            (String::from("image of the links"), toxiproxy),
        ]
    }

    /// Starts a proposer for each node, which finds the acceptors by its own ways. The first one
    /// collects tombstones.
    pub(crate) async fn start_proposers(
        &mut self,
        ways: &[Vec<Way>],
    ) -> Result<(), EnvironmentError> {
        if self.placed != Proposers::Container {
            return Ok(());
        }
        let image = own_image::ensure(&self.ground.docker).await?;
        let starting = (1..).zip(ways).map(|(node, ways)| {
            let collect = if node == 1 { self.collect } else { Span::default() };
            Proposer::start(&self.ground, &image, node, ways, collect)
        });
        self.proposers = join_all(starting).await.into_iter().collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Where the proposers serve, by node.
    pub(crate) fn services(&self) -> Vec<String> {
        self.proposers.iter().map(Proposer::url).collect()
    }

    pub(crate) async fn inject_proposer(
        &self,
        fault: FaultKind,
        proposer: u32,
    ) -> Result<(), EnvironmentError> {
        self.proposers[proposer as usize - 1].inject(fault).await
    }

    pub(crate) async fn undo_proposer(
        &self,
        fault: FaultKind,
        proposer: u32,
    ) -> Result<(), EnvironmentError> {
        self.proposers[proposer as usize - 1].undo(fault).await
    }

    pub(crate) async fn proposer_evidence(&self, proposer: u32) -> String {
        self.proposers[proposer as usize - 1].evidence().await
    }

    /// Ends everything, and keeps what it wrote.
    pub(crate) async fn finish(&mut self) -> Result<(), EnvironmentError> {
        let ground = &self.ground;
        let acceptors = join_all(self.acceptors.iter_mut().map(|acceptor| acceptor.vanish(ground)));
        let proposers = join_all(self.proposers.drain(..).map(|proposer| proposer.end(ground)));
        let toxiproxy = async {
            let Some(toxiproxy) = self.toxiproxy.take() else { return Ok(()) };
            acceptor::keep_log(ground, "toxiproxy", &toxiproxy).await?;
            Ok(toxiproxy.remove().await?)
        };
        let (acceptors, proposers, toxiproxy) = tokio::join!(acceptors, proposers, toxiproxy);
        acceptors.into_iter().chain(proposers).chain([toxiproxy]).collect::<Result<(), _>>()?;
        Ok(network::remove(&ground.docker, &ground.names.network()).await?)
    }
}
