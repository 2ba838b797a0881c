//! Changes of membership, driven step by step while clients write (paper §2.3).
//!
//! The module of [`caspaxos::plan`] says what a step is, and why it is safe. Every part of it is durable
//! in the store or on the acceptors, and may be done twice. A driver can be interrupted at any point; the
//! next one finds out how far the change has come and goes on.
//!
//! ```text
//!  announce target ─► admit joining acceptor ─► config e+1 ─► notify ─► floors ─► rescan ─► complete ─┐
//!                        ▲                      (under e)                       (under e+1)           │
//!                        └──────────────────────────── next step ◄────────────────────────────────────┘
//! ```
//!
//! | question | file |
//! |---|---|
//! | how does an acceptor join? | `membership/joining.rs` |
//! | how is an epoch fenced, and what do its successors inherit? | `membership/fencing.rs` |
//! | how is every key committed again? | `membership/rescan.rs` |

mod fencing;
mod joining;
mod rescan;

use crate::cluster_config::{ClusterConfig, ClusterConfigError, KEY};
use crate::directory::{AddressError, Directory, DirectoryError};
use crate::{Acceptor, Clock, Proposers, RegisterChange, Registers, RequestError};
use caspaxos::{AcceptorId, Configuration, plan};
use joining::why_not_joined;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// How long one change of the configuration, or of a key in a rescan, may take before it is tried again.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// The wait before something that failed is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// What a driver has just done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipEvent {
    /// The target is in the store: any driver will now go on to it.
    Announced(BTreeSet<u32>),
    /// A joining acceptor has its identity.
    Admitted(u32),
    /// The configuration of this epoch is in the store.
    Decided(u64),
    /// No proposer can get anything done in the epoch before this one.
    Fenced(u64),
    /// So many keys have been committed again in this epoch.
    Rescanned {
        /// The epoch.
        epoch: u64,
        /// The keys so far.
        keys: u64,
    },
    /// Every key has been committed in this epoch.
    RescanComplete(u64),
}

/// Why a change of membership came to a halt. What was done stays; another driver can go on.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// No acceptor knows of a cluster.
    #[error("none of the acceptors is one of a cluster; `gryadka cluster init` makes one")]
    NoCluster,
    /// The acceptors cannot be found.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A configuration is broken.
    #[error(transparent)]
    ClusterConfig(#[from] ClusterConfigError),
    /// An address cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No acceptor would be left.
    #[error("a cluster needs at least one acceptor")]
    NoAcceptors,
    /// An acceptor is to leave that is none of the members.
    #[error("unknown acceptor {id}; members are {}", Numbers(.members))]
    UnknownAcceptor {
        /// The number that was given.
        id: u32,
        /// The members.
        members: BTreeSet<u32>,
    },
    /// An acceptor is to join that is a member.
    #[error("{0} is the address of a member already")]
    AcceptorExists(String),
    /// A joining acceptor does not answer, or is an acceptor of another cluster.
    #[error("acceptor {id} at {address} cannot join: {}", why_not_joined(.address, .error))]
    JoinFailed {
        /// Its number.
        id: u32,
        /// Its address.
        address: String,
        /// Why: [`RequestError::NotMember`] when it is an acceptor of another cluster.
        error: RequestError,
    },
    /// Another change is under way.
    #[error(
        "a change to the members {} is under way; let it end, or resume or cancel it",
        Numbers(.0)
    )]
    Busy(BTreeSet<u32>),
    /// Another driver has cancelled what was announced, or announced something else since.
    #[error("the change was cancelled by another driver; members are {}", Numbers(.0))]
    GivenUp(BTreeSet<u32>),
    /// The caller's deadline came first.
    #[error("not done within the time given; what was done stays, and can be resumed")]
    Deadline,
}

/// Numbers as people write them: `1, 2, 3`.
struct Numbers<'a>(&'a BTreeSet<u32>);

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Drives changes of membership. Any number of drivers may run at a time: they do the same.
pub struct Driver<'a, A, P, C> {
    /// The acceptors.
    pub directory: &'a Directory<A, C>,
    /// Makes the driver's proposers: one for each configuration.
    pub proposers: &'a P,
    /// The cluster that is meant.
    pub cluster: u64,
    /// Where to look for it first.
    pub addresses: Vec<String>,
    /// When to stop, by the directory's clock.
    pub deadline: Duration,
    /// Is called after every part that is done.
    pub watch: &'a (dyn Fn(MembershipEvent) + Send + Sync),
}

/// Which acceptors a driver is to give the cluster.
#[derive(Clone, Copy)]
pub enum Aim<'a> {
    /// The acceptors that this makes of the present configuration.
    Change(&'a Target<'a>),
    /// The target that was announced before.
    Resume,
    /// Those that are members: the target that was announced is given up, once the step under way is complete.
    Cancel,
}

/// Says which acceptors a cluster is to have, and gives joining ones their numbers in the configuration.
pub type Target<'a> =
    dyn Fn(&mut ClusterConfig) -> Result<BTreeSet<u32>, MembershipError> + Send + Sync + 'a;

/// The cluster in one epoch, as the driver works on it.
struct Epoch<R> {
    config: ClusterConfig,
    registers: R,
}

impl<A: Acceptor, P: Proposers<A>, C: Clock> Driver<'_, A, P, C> {
    /// Goes on until the cluster has the acceptors that it is to have, and answers its configuration.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub async fn drive(&self, aim: Aim<'_>) -> Result<ClusterConfig, MembershipError> {
        let mut aim = aim;
        // What this driver has announced, whether or not it learnt that the store has it.
        let mut announced = None;
        loop {
            self.check_deadline()?;
            let epoch = self.open().await?;
            let Some(truth) = self.truth(&epoch).await? else { continue };
            if truth.epoch > epoch.config.epoch || !truth.is_rescan_complete() {
                self.complete_step(&truth).await?;
                continue;
            }
            match (aim, truth.target.clone()) {
                (Aim::Change(_), Some(under_way)) if Some(&under_way) == announced.as_ref() => {
                    aim = Aim::Resume;
                }
                (Aim::Change(_), Some(under_way)) => return Err(MembershipError::Busy(under_way)),
                (Aim::Change(target), None) => {
                    let (wanted, written) = self.announce(&epoch, &truth, target).await?;
                    announced = Some(wanted);
                    if written {
                        aim = Aim::Resume;
                    }
                }
                (Aim::Cancel, Some(_)) => {
                    let stays =
                        ClusterConfig { target: None, ..truth.clone() }.with_rescan_complete();
                    self.write(&epoch, &truth, &stays).await;
                }
                (Aim::Resume, Some(wanted)) => self.step(&epoch, &truth, &wanted).await?,
                (Aim::Resume | Aim::Cancel, None) => {
                    if announced.is_some_and(|wanted| wanted != truth.members()) {
                        return Err(MembershipError::GivenUp(truth.members()));
                    }
                    if !epoch.config.is_rescan_complete() {
                        self.notify(&truth).await?;
                    }
                    return Ok(truth);
                }
            }
        }
    }

    /// Commits every key again in the present epoch. Answers how many keys there are.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub async fn rescan_again(&self) -> Result<u64, MembershipError> {
        let epoch = self.open().await?;
        let configuration = epoch.config.configuration()?;
        self.carry_over(&epoch, &configuration).await?.ok_or(MembershipError::NoCluster)
    }

    /// Writes the target to the store, if the cluster can get there; answers the target, and whether the
    /// write is certain.
    async fn announce(
        &self,
        epoch: &Epoch<P::Registers>,
        truth: &ClusterConfig,
        target: &Target<'_>,
    ) -> Result<(BTreeSet<u32>, bool), MembershipError> {
        let mut announced = truth.clone();
        let wanted = target(&mut announced)?;
        if wanted.is_empty() {
            return Err(MembershipError::NoAcceptors);
        }
        if wanted == truth.members() {
            return Ok((wanted, true));
        }
        for &id in wanted.difference(&truth.members()) {
            self.state_of_joining(&announced, id).await?;
        }
        announced.target = Some(wanted.clone());
        let written = self.write(epoch, truth, &announced).await;
        if written {
            (self.watch)(MembershipEvent::Announced(wanted.clone()));
        }
        Ok((wanted, written))
    }

    /// The latest configuration that acceptors know of, with a proposer of its own.
    async fn open(&self) -> Result<Epoch<P::Registers>, MembershipError> {
        let newest = self.directory.newest(&self.addresses, Some(self.cluster)).await?;
        self.epoch(newest.ok_or(MembershipError::NoCluster)?)
    }

    fn epoch(&self, config: ClusterConfig) -> Result<Epoch<P::Registers>, MembershipError> {
        let acceptors = self.directory.of(&config)?;
        let registers = self.proposers.open(&config, config.configuration()?, acceptors);
        Ok(Epoch { config, registers })
    }

    /// The configuration in the store itself. A new cluster has none there yet: then the acceptors' copy
    /// is written to it. `None` when it cannot be read now.
    async fn truth(
        &self,
        epoch: &Epoch<P::Registers>,
    ) -> Result<Option<ClusterConfig>, MembershipError> {
        let create = RegisterChange::Create(epoch.config.bytes());
        match epoch.registers.change(KEY, create, self.time_for_a_change()).await {
            Ok(Some(bytes)) => Ok(Some(ClusterConfig::parse(&bytes)?)),
            Ok(None) => Ok(None),
            Err(error) => {
                self.pause(&error).await;
                Ok(None)
            }
        }
    }

    /// Replaces the configuration in the store, if it is still the one before. A driver that fails, or does
    /// not learn whether it did, reads it again.
    async fn write(
        &self,
        epoch: &Epoch<P::Registers>,
        before: &ClusterConfig,
        after: &ClusterConfig,
    ) -> bool {
        let (before, after) = (before.bytes(), after.bytes());
        let replace = RegisterChange::Replace { before, after: after.clone() };
        match epoch.registers.change(KEY, replace, self.time_for_a_change()).await {
            Ok(present) => present == Some(after),
            Err(error) => {
                self.pause(&error).await;
                false
            }
        }
    }

    /// Takes the first step of the way to `wanted`.
    async fn step(
        &self,
        epoch: &Epoch<P::Registers>,
        truth: &ClusterConfig,
        wanted: &BTreeSet<u32>,
    ) -> Result<(), MembershipError> {
        let from = truth.configuration()?;
        let to = wanted.iter().copied().map(AcceptorId).collect();
        let steps = plan(&from, &to).map_err(ClusterConfigError::Quorums)?;
        let Some(to) = steps.first() else {
            // It is there already: nothing is to be announced any more.
            self.write(epoch, truth, &truth.with_rescan_complete()).await;
            return Ok(());
        };
        for AcceptorId(id) in to.members().difference(&from.members()) {
            if !self.admit(epoch, truth, *id).await? {
                return Ok(());
            }
        }
        let next = truth.step(to);
        if self.write(epoch, truth, &next).await {
            (self.watch)(MembershipEvent::Decided(next.epoch));
            self.complete_step(&next).await?;
        }
        Ok(())
    }

    /// Fences the epoch before this configuration's, carries everything over from it, and writes to the store
    /// that the step is complete.
    async fn complete_step(&self, config: &ClusterConfig) -> Result<(), MembershipError> {
        let Some(before) = config.before()? else { return Ok(()) };
        let epoch = self.epoch(config.clone())?;
        if self.carry_over(&epoch, &before).await?.is_none() {
            return Ok(());
        }
        let complete = config.with_rescan_complete();
        if self.write(&epoch, config, &complete).await {
            (self.watch)(MembershipEvent::RescanComplete(config.epoch));
            // Copies are not the truth, but a reader of one should not see a step under way.
            self.notify(&complete).await?;
            self.decommission(config, &complete).await?;
        }
        Ok(())
    }

    /// Makes it certain that whatever was committed under `before`, or erased, is seen in this epoch. Answers
    /// how many keys there are; `None` when the configuration in the store is another one by now.
    ///
    /// An acceptor that loses its memory on the way, or goes out of reach, counts for nothing: the others must
    /// suffice, or it is waited for.
    async fn carry_over(
        &self,
        epoch: &Epoch<P::Registers>,
        before: &Configuration,
    ) -> Result<Option<u64>, MembershipError> {
        let config = &epoch.config;
        let mut rescan = rescan::Rescan::default();
        let mut announced = false;
        loop {
            let floors = self.fence(config).await?;
            let fenced: BTreeSet<AcceptorId> = floors.keys().copied().collect();
            if before.is_blocked_by(&fenced) {
                if !std::mem::replace(&mut announced, true) {
                    (self.watch)(MembershipEvent::Fenced(config.epoch));
                }
                let floor = floors.into_values().max().unwrap_or_default();
                if self.raise_floors(config, floor).await?
                    && self.rescan(epoch, before, &fenced, &mut rescan).await?
                {
                    return Ok(Some(rescan.keys()));
                }
            }
            self.wait().await?;
            // Another driver may have completed the step, and the missing acceptors may never come back.
            if config.before.is_some()
                && let Some(truth) = self.truth(epoch).await?
                && truth != *config
            {
                return Ok(None);
            }
        }
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_sub(self.directory.clock().now())
    }

    fn time_for_a_change(&self) -> Duration {
        CHANGE_TIMEOUT.min(self.remaining())
    }

    fn check_deadline(&self) -> Result<(), MembershipError> {
        if self.remaining().is_zero() { Err(MembershipError::Deadline) } else { Ok(()) }
    }

    async fn pause(&self, error: &str) {
        tracing::debug!(%error, "the configuration could not be changed; trying again");
        self.directory.clock().sleep(RETRY_DELAY).await;
    }

    async fn wait(&self) -> Result<(), MembershipError> {
        if self.remaining() <= RETRY_DELAY {
            return Err(MembershipError::Deadline);
        }
        self.directory.clock().sleep(RETRY_DELAY).await;
        Ok(())
    }
}
