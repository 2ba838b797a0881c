//! The cluster behind a handle: its acceptors, their state, and changes of membership.

use crate::address::{normalised, redacted};
use crate::cluster_proposers::{StoreProposers, TokioClock};
use crate::gryadka::Gryadka;
use crate::{
    AcceptorId, AddressError, ClusterConfig, CollectorOutcome, MembershipError, MembershipEvent,
    RemoteAcceptor, RequestError, Status,
};
use futures_util::future::join_all;
use gryadka_cluster::{Aim, Collector, Driver, KEY, Proposers};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the configuration record, and the status of each acceptor, may take to be read.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

/// A change of the members.
#[derive(Clone, PartialEq, Eq)]
pub enum Membership {
    /// These addresses join. A user and a password in one stay in this process.
    Grow(Vec<String>),
    /// These acceptors leave.
    Shrink(Vec<u32>),
    /// This acceptor leaves, dead or alive, and this address joins in its place. It may be the same
    /// address, where a server has lost its memory.
    Replace {
        /// The acceptor that leaves.
        old: u32,
        /// The address of the acceptor that joins.
        new: String,
    },
    /// The change that was announced is completed.
    Resume,
    /// The change that was announced is given up, once the step that is under way is done. The acceptors of
    /// that step stay.
    Cancel,
}

impl fmt::Debug for Membership {
    /// Without the passwords that URLs have in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grow(urls) => f.debug_tuple("Grow").field(&redacted(&urls.join(" "))).finish(),
            Self::Shrink(ids) => f.debug_tuple("Shrink").field(ids).finish(),
            Self::Replace { old, new } => {
                let new = redacted(new);
                f.debug_struct("Replace").field("old", old).field("new", &new).finish()
            }
            Self::Resume => f.write_str("Resume"),
            Self::Cancel => f.write_str("Cancel"),
        }
    }
}

/// How a change is made.
#[derive(Debug, Clone, Copy)]
pub struct MembershipOptions {
    /// When to stop, with what was done left as it is.
    pub deadline: Instant,
}

/// An acceptor of the cluster, and what it answers.
#[derive(Debug, Clone)]
pub struct AcceptorStatus {
    /// Its number.
    pub id: u32,
    /// Its address.
    pub address: String,
    /// What it answers, or why it does not.
    pub status: Result<Status, String>,
    /// Whether it votes: it has the identity that the config gives it.
    pub votes: bool,
}

/// The cluster as it is now.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// The latest config, from the store itself where a quorum answers.
    pub config: ClusterConfig,
    /// The acceptors that it names.
    pub acceptors: Vec<AcceptorStatus>,
}

impl Gryadka {
    /// What the acceptors report of themselves and of the cluster.
    ///
    /// # Errors
    /// [`MembershipError`] when none of them can be found.
    pub async fn cluster(&self) -> Result<ClusterStatus, MembershipError> {
        let config = self.decided(self.newest().await?).await;
        let acceptors = self.shared.directory.of(&config)?;
        let examine = async |(id, acceptor): (AcceptorId, Arc<RemoteAcceptor>)| {
            let status = tokio::time::timeout(STATUS_TIMEOUT, acceptor.examine()).await;
            let status = status.unwrap_or_else(|_| Err(no_answer())).map(shown);
            let status = status.map_err(|error| error.to_string());
            let state = status.as_ref().ok().and_then(|status| status.state);
            let votes = state.is_some_and(|state| state.identity == config.identity(id.0));
            let address = config.acceptors.get(&id.0).map(|address| normalised(address));
            AcceptorStatus { id: id.0, address: address.unwrap_or_default(), status, votes }
        };
        let acceptors = join_all(acceptors.into_iter().map(examine)).await;
        Ok(ClusterStatus { acceptors, config: without_logins(config) })
    }

    /// Changes the members, step by step, while clients go on reading and writing. If it is dropped or
    /// killed, any process can resume it. `watch` is called after every part that is done.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub async fn change_membership(
        &self,
        change: Membership,
        options: MembershipOptions,
        watch: &(dyn Fn(MembershipEvent) + Send + Sync),
    ) -> Result<ClusterConfig, MembershipError> {
        let change = change.with_addresses(|url, leaving| self.shared.learn(url, leaving))?;
        let driver = self.driver(options, watch);
        // What an earlier version has written there goes with the first change.
        let target = |config: &mut ClusterConfig| {
            *config = without_logins(config.clone());
            change.target(config)
        };
        let aim = match &change {
            Membership::Resume => Aim::Resume,
            Membership::Cancel => Aim::Cancel,
            Membership::Grow(_) | Membership::Shrink(_) | Membership::Replace { .. } => {
                Aim::Change(&target)
            }
        };
        let done = driver.drive(aim).await.map_err(without_login)?;
        self.shared.adopt(&self.store, done.clone()).ok();
        Ok(without_logins(done))
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

    /// Collects the tombstones in the acceptors' indexes, once.
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

    /// The config as the store itself has it, which says whether the last step is done; where it cannot
    /// be read within [`STATUS_TIMEOUT`], the acceptors' copy, which may be behind.
    async fn decided(&self, copy: ClusterConfig) -> ClusterConfig {
        let own = self.store.read_any(KEY, Instant::now() + STATUS_TIMEOUT).await;
        let own = own.ok().flatten().and_then(|found| ClusterConfig::parse(&found.value?).ok());
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

/// The record with every address in its one spelling. Records of earlier versions have logins in them.
fn without_logins(mut config: ClusterConfig) -> ClusterConfig {
    config.acceptors.values_mut().for_each(|address| *address = normalised(address));
    config
}

/// The same, of an acceptor whose address an earlier version has announced.
fn without_login(error: MembershipError) -> MembershipError {
    match error {
        MembershipError::JoinFailed { id, address, error } => {
            MembershipError::JoinFailed { id, address: normalised(&address), error }
        }
        error @ (MembershipError::NoCluster
        | MembershipError::Directory(_)
        | MembershipError::ClusterConfig(_)
        | MembershipError::Address(_)
        | MembershipError::NoAcceptors
        | MembershipError::UnknownAcceptor { .. }
        | MembershipError::AcceptorExists(_)
        | MembershipError::Busy(_)
        | MembershipError::GivenUp(_)
        | MembershipError::Deadline) => error,
    }
}

/// A status whose copy of the record has no logins in it, either.
fn shown(mut status: Status) -> Status {
    if let Ok(config) = ClusterConfig::parse(&status.config) {
        status.config = without_logins(config).bytes();
    }
    status
}

fn no_answer() -> RequestError {
    RequestError::NoAnswer(String::from("no answer in time"))
}

impl Membership {
    /// The same, with what `address` makes of each URL, and of the acceptor that makes room for it.
    fn with_addresses(
        self,
        address: impl Fn(&str, Option<u32>) -> Result<String, AddressError>,
    ) -> Result<Self, AddressError> {
        Ok(match self {
            Self::Grow(urls) => {
                Self::Grow(urls.iter().map(|url| address(url, None)).collect::<Result<_, _>>()?)
            }
            Self::Replace { old, new } => Self::Replace { old, new: address(&new, Some(old))? },
            Self::Shrink(_) | Self::Resume | Self::Cancel => self,
        })
    }

    /// The target; joining acceptors get numbers in the config.
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
