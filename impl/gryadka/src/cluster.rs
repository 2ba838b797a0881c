//! The cluster behind a handle: who is in it, how they are, and changes of it.

use crate::cluster_proposers::{StoreProposers, TokioClock};
use crate::gryadka::Gryadka;
use crate::{
    AcceptorId, ClusterConfig, CollectorOutcome, MembershipError, MembershipEvent, RemoteAcceptor,
    RequestError, Status,
};
use futures_util::future::join_all;
use gryadka_cluster::{Aim, Collector, Driver, KEY, Proposers};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the store may take to say how the cluster is.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A change of who the acceptors are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// These addresses join.
    Grow(Vec<String>),
    /// These acceptors leave.
    Shrink(Vec<u32>),
    /// This acceptor leaves, dead or alive, and this address joins in its place. It may be the same
    /// address, where a server has lost its memory.
    Replace {
        /// Who leaves.
        old: u32,
        /// The address of who joins.
        new: String,
    },
    /// What was begun is brought to its end.
    Resume,
    /// What was begun is given up, once the step that is under way is done. The acceptors stay that
    /// there are then.
    Cancel,
}

/// How a change is made.
#[derive(Debug, Clone, Copy)]
pub struct MembershipOptions {
    /// When to stop, with what was done left as it is.
    pub deadline: Instant,
}

/// An acceptor of the cluster, and what it says.
#[derive(Debug, Clone)]
pub struct AcceptorStatus {
    /// Its number.
    pub id: u32,
    /// Its address.
    pub address: String,
    /// What it says, or why it does not.
    pub status: Result<Status, String>,
    /// Whether it votes: it has the place that the config gives it.
    pub votes: bool,
}

/// The cluster as it is now.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// The latest config, from the store itself where it answers.
    pub config: ClusterConfig,
    /// The acceptors that it names.
    pub acceptors: Vec<AcceptorStatus>,
}

impl Gryadka {
    /// What the acceptors say of themselves and of the cluster.
    ///
    /// # Errors
    /// [`MembershipError`] when none of them can be found.
    pub async fn cluster(&self) -> Result<ClusterStatus, MembershipError> {
        let config = self.settled(self.newest().await?).await;
        let acceptors = self.shared.directory.of(&config)?;
        let examine = async |(id, acceptor): (AcceptorId, Arc<RemoteAcceptor>)| {
            let status = tokio::time::timeout(TIMEOUT, acceptor.examine()).await;
            let status = status.unwrap_or_else(|_| Err(no_answer())).map_err(|it| it.to_string());
            let state = status.as_ref().ok().and_then(|status| status.state);
            let votes = state.is_some_and(|state| state.identity == config.identity(id.0));
            let address = config.acceptors.get(&id.0).cloned().unwrap_or_default();
            AcceptorStatus { id: id.0, address, status, votes }
        };
        let acceptors = join_all(acceptors.into_iter().map(examine)).await;
        Ok(ClusterStatus { acceptors, config })
    }

    /// Changes who the acceptors are, step by step, while everyone goes on reading and writing. Told
    /// to stop, or killed, it can be resumed by anybody. `watch` hears of every part that is done.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub async fn change_membership(
        &self,
        change: Membership,
        options: MembershipOptions,
        watch: &(dyn Fn(MembershipEvent) + Send + Sync),
    ) -> Result<ClusterConfig, MembershipError> {
        let driver = self.driver(options, watch);
        let target = |config: &mut ClusterConfig| change.target(config);
        let aim = match &change {
            Membership::Resume => Aim::Resume,
            Membership::Cancel => Aim::Cancel,
            Membership::Grow(_) | Membership::Shrink(_) | Membership::Replace { .. } => {
                Aim::Change(&target)
            }
        };
        let done = driver.drive(aim).await?;
        self.shared.adopt(&self.store, done.clone()).ok();
        Ok(done)
    }

    /// Commits every key again under the present configuration. Answers how many there are.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub async fn rescan(
        &self,
        options: MembershipOptions,
        watch: &(dyn Fn(MembershipEvent) + Send + Sync),
    ) -> Result<u64, MembershipError> {
        self.driver(options, watch).rescan_again().await
    }

    /// Collects the tombstones that acceptors hint at, once.
    ///
    /// # Errors
    /// [`MembershipError`] when no acceptor can be found.
    pub async fn collect(&self) -> Result<CollectorOutcome, MembershipError> {
        let config = self.newest().await?;
        // An acceptor that leaves, or has not joined yet, has no part in it.
        let mut acceptors = self.shared.directory.of(&config)?;
        let members = config.members();
        acceptors.retain(|id, _| members.contains(&id.0));
        let configuration = config.configuration()?;
        let registers = self.shared.proposers.open(&config, configuration, acceptors.clone());
        let acceptors = acceptors.into_values().collect();
        Ok(Collector { acceptors, registers, clock: *self.shared.directory.clock() }.pass().await)
    }

    /// Collects tombstones again and again, with this pause between two passes, as long as the
    /// handle lives.
    pub async fn keep_collecting(&self, pause: Duration) {
        loop {
            tokio::time::sleep(pause).await;
            match self.collect().await {
                Ok(pass) if pass == CollectorOutcome::default() => {}
                Ok(pass) => tracing::debug!(?pass, "tombstones collected"),
                Err(error) => tracing::warn!(%error, "tombstones were not collected"),
            }
        }
    }

    /// The config as the store itself has it, which says whether the last step is done; else, where
    /// that cannot be had soon, the acceptors' copy, which may be behind.
    async fn settled(&self, copy: ClusterConfig) -> ClusterConfig {
        let own = self.store.read_any(KEY, Instant::now() + TIMEOUT).await;
        let own = own.ok().flatten().and_then(|cell| ClusterConfig::parse(&cell.value?).ok());
        own.filter(|own| own.epoch >= copy.epoch).unwrap_or(copy)
    }

    async fn newest(&self) -> Result<ClusterConfig, MembershipError> {
        let config = self.shared.config();
        let known: Vec<String> = config.acceptors.into_values().collect();
        self.shared
            .directory
            .newest(&known, Some(config.cluster))
            .await?
            .ok_or(MembershipError::NoCluster)
    }

    fn driver<'a>(
        &'a self,
        options: MembershipOptions,
        watch: &'a (dyn Fn(MembershipEvent) + Send + Sync),
    ) -> Driver<'a, RemoteAcceptor, StoreProposers, TokioClock> {
        let config = self.shared.config();
        Driver {
            directory: &self.shared.directory,
            proposers: &self.shared.proposers,
            cluster: config.cluster,
            addresses: config.acceptors.into_values().collect(),
            deadline: self.shared.directory.clock().time(options.deadline),
            watch,
        }
    }
}

fn no_answer() -> RequestError {
    RequestError::NoAnswer(String::from("no answer in time"))
}

impl Membership {
    /// The acceptors that are wanted; newcomers get numbers in the config.
    fn target(&self, config: &mut ClusterConfig) -> Result<BTreeSet<u32>, MembershipError> {
        let mut wanted = config.members();
        let gone: &[u32] = match self {
            Self::Shrink(gone) => gone,
            Self::Replace { old, .. } => std::slice::from_ref(old),
            Self::Grow(_) | Self::Resume | Self::Cancel => &[],
        };
        for id in gone {
            if !wanted.remove(id) {
                let members = config.members();
                return Err(MembershipError::UnknownAcceptor { id: *id, members });
            }
        }
        let joining: &[String] = match self {
            Self::Grow(addresses) => addresses,
            Self::Replace { new, .. } => std::slice::from_ref(new),
            Self::Shrink(_) | Self::Resume | Self::Cancel => &[],
        };
        for address in joining {
            let taken = |id: &u32| config.acceptors.get(id) == Some(address);
            if wanted.iter().any(taken) {
                return Err(MembershipError::AcceptorExists(address.clone()));
            }
            let id = config.next;
            config.next += 1;
            config.acceptors.insert(id, address.clone());
            wanted.insert(id);
        }
        Ok(wanted)
    }
}
