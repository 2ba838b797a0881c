//! Changes of membership, driven step by step while clients write (paper §2.3).
//!
//! What a step is, and why it is safe, is told in [`caspaxos::plan`]'s module. Every part of it
//! is durable in the store or on the acceptors, and may be done twice; a driver that was killed is
//! followed by another one, which finds out where it stood and goes on.
//!
//! ```text
//!  announce target ─► admit joining ─► config e+1 ─► tell ─► rescan ─► settled ─┐
//!                        ▲                (under e)              (under e+1)       │
//!                        └──────────────────── next step ◄─────────────────────────┘
//! ```

mod joining;
mod notifying;
mod rescan;

use crate::cluster_config::{self, ClusterConfig, ClusterConfigError};
use crate::directory::{Directory, DirectoryError};
use crate::{
    Acceptor, AddressError, ChangeError, Options, Present, ProposerId, RequestError, Store,
};
use caspaxos::{AcceptorId, Decision, plan};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How long one change of the config, or of a key in a rescan, may take before it is tried again.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one acceptor may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The wait before something that failed is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// What a driver has just done, for whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipEvent {
    /// The target is in the store: any driver will now go on to it.
    Announced(BTreeSet<u32>),
    /// A joining has its place.
    Admitted(u32),
    /// The configuration of this epoch is in the store.
    Decided(u64),
    /// Nobody can get anything done in the epoch before this one.
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
    /// Nobody knows of a cluster.
    #[error("none of the acceptors has a place in a cluster; `cluster init` makes one")]
    NoCluster,
    /// The acceptors cannot be found.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A config is broken.
    #[error(transparent)]
    ClusterConfig(#[from] ClusterConfigError),
    /// An address cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There would be nobody left.
    #[error("a cluster needs at least one acceptor")]
    NoAcceptors,
    /// Someone is to leave who does not take part.
    #[error("there is no acceptor {0}; there are {1:?}")]
    UnknownAcceptor(u32, BTreeSet<u32>),
    /// Someone is to join who takes part.
    #[error("{0} is the address of an acceptor of the cluster already")]
    AcceptorExists(String),
    /// A joining is not there, or has a place already.
    #[error("acceptor {id} at {address} cannot join: {lost}")]
    JoinFailed {
        /// Its number.
        id: u32,
        /// Its address.
        address: String,
        /// What became of it.
        lost: RequestError,
    },
    /// Other changes are under way.
    #[error("the cluster is on its way to acceptors {0:?}; let that end first, or resume it")]
    Busy(BTreeSet<u32>),
    /// Somebody else has given up what was announced, or announced something else since.
    #[error("the change was given up by somebody else; the acceptors are {0:?}")]
    GivenUp(BTreeSet<u32>),
    /// The caller's deadline came first.
    #[error("not done within the time given; what was done stays, and can be resumed")]
    Deadline,
}

/// Drives changes of membership. Any number of them may be at work: they do the same.
pub(crate) struct Driver<'a, A> {
    pub(crate) directory: &'a Directory<A>,
    pub(crate) cluster: u64,
    /// Where to look for it first.
    pub(crate) addresses: Vec<String>,
    /// Makes ids for the driver's proposers: one for each configuration.
    pub(crate) fresh_id: fn() -> ProposerId,
    pub(crate) deadline: Instant,
    pub(crate) watch: &'a (dyn Fn(MembershipEvent) + Send + Sync),
    /// Other rules than the protocol's own: for the gallery of mutants.
    #[cfg(feature = "mutants")]
    pub(crate) rules: Option<std::sync::Arc<dyn caspaxos::Rules>>,
}

/// What a driver is to bring about.
#[derive(Clone, Copy)]
pub(crate) enum Aim<'a> {
    /// The acceptors that this makes of the present config.
    Change(&'a Target<'a>),
    /// Those that were announced before.
    Resume,
    /// Those that there are: what was announced is given up, once the step under way is done.
    Cancel,
}

/// Says which acceptors a cluster is to have, and gives newcomers their numbers in the config.
pub(crate) type Target<'a> =
    dyn Fn(&mut ClusterConfig) -> Result<BTreeSet<u32>, MembershipError> + Send + Sync + 'a;

fn joining(config: &ClusterConfig, id: u32, lost: RequestError) -> MembershipError {
    let address = config.acceptors.get(&id).cloned().unwrap_or_default();
    MembershipError::JoinFailed { id, address, lost }
}

/// The cluster in one epoch, as the driver works on it.
struct Epoch<A> {
    config: ClusterConfig,
    store: Store<A>,
}

impl<A: Acceptor> Driver<'_, A> {
    /// Goes on until the cluster has the acceptors that it is to have.
    pub(crate) async fn drive(&self, aim: Aim<'_>) -> Result<ClusterConfig, MembershipError> {
        let mut aim = aim;
        // What this driver has announced, whether or not it was told that it did.
        let mut announced = None;
        loop {
            if Instant::now() >= self.deadline {
                return Err(MembershipError::Deadline);
            }
            let epoch = self.open().await?;
            let Some(truth) = self.truth(&epoch).await? else { continue };
            if truth.epoch > epoch.config.epoch || !truth.is_rescan_complete() {
                self.settle(&truth).await?;
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
                        self.set_epoch(&truth).await?;
                    }
                    return Ok(truth);
                }
            }
        }
    }

    /// Notes in the store where the cluster is to go, if it can; answers that, and whether it was
    /// written down for certain.
    async fn announce(
        &self,
        epoch: &Epoch<A>,
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
            let may_join = self.state_of_joining(&announced, id).await;
            may_join.map_err(|lost| joining(&announced, id, lost))?;
        }
        announced.target = Some(wanted.clone());
        let written = self.write(epoch, truth, &announced).await;
        if written {
            (self.watch)(MembershipEvent::Announced(wanted.clone()));
        }
        Ok((wanted, written))
    }

    /// Commits every key again in the present epoch, whatever it is good for.
    pub(crate) async fn rescan_again(&self) -> Result<u64, MembershipError> {
        let Epoch { config, store } = self.open().await?;
        let told = self.fence(&config, &config.configuration()?).await?;
        rescan::run(self, &config, &store, &told).await
    }

    /// The latest configuration that acceptors know of, with a proposer of its own.
    async fn open(&self) -> Result<Epoch<A>, MembershipError> {
        let newest = self.directory.newest(&self.addresses, Some(self.cluster)).await?;
        let config = newest.ok_or(MembershipError::NoCluster)?;
        let store = self.store(&config)?;
        Ok(Epoch { config, store })
    }

    fn store(&self, config: &ClusterConfig) -> Result<Store<A>, MembershipError> {
        let configuration = config.configuration()?;
        let id = (self.fresh_id)();
        #[cfg_attr(not(feature = "mutants"), expect(unused_mut, reason = "rules are set below"))]
        let mut options = Options::new(id, config.cluster, configuration);
        #[cfg(feature = "mutants")]
        options.rules.clone_from(&self.rules);
        Ok(Store::new(options, self.directory.of(config)?))
    }

    /// What the store itself says. A new cluster has said nothing yet: then what the acceptors carry
    /// is written down. `None` when it cannot be had now.
    async fn truth(&self, epoch: &Epoch<A>) -> Result<Option<ClusterConfig>, MembershipError> {
        let first = epoch.config.bytes();
        let read = move |present: Present<'_>| match present.value {
            Some(config) => Decision::Keep(config.clone()),
            None => Decision::Put(Some(first.clone()), first.clone()),
        };
        match epoch.store.change_any(cluster_config::KEY, read, self.soon()).await {
            Ok(bytes) => Ok(Some(ClusterConfig::parse(&bytes)?)),
            Err(error) => {
                self.pause(&error).await;
                Ok(None)
            }
        }
    }

    /// Replaces the config in the store, if it is still the one before. Whoever fails, or cannot
    /// tell, reads it again.
    async fn write(&self, epoch: &Epoch<A>, before: &ClusterConfig, after: &ClusterConfig) -> bool {
        let (before, after) = (before.bytes(), after.bytes());
        let replace = move |present: Present<'_>| {
            if present.value == Some(&before) {
                Decision::Put(Some(after.clone()), true)
            } else {
                Decision::Keep(false)
            }
        };
        match epoch.store.change_any(cluster_config::KEY, replace, self.soon()).await {
            Ok(written) => written,
            Err(error) => {
                self.pause(&error).await;
                false
            }
        }
    }

    /// Takes the first step of the way to `wanted`.
    async fn step(
        &self,
        epoch: &Epoch<A>,
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
            self.settle(&next).await?;
        }
        Ok(())
    }

    /// Seals the epoch before this config's, commits every key again, and notes it.
    async fn settle(&self, config: &ClusterConfig) -> Result<(), MembershipError> {
        let Some(before) = config.before()? else { return Ok(()) };
        let told = self.fence(config, &before).await?;
        (self.watch)(MembershipEvent::Fenced(config.epoch));
        self.promise_floor(config, &told).await?;
        let store = self.store(config)?;
        rescan::run(self, config, &store, &told).await?;
        let settled = config.with_rescan_complete();
        let epoch = Epoch { config: config.clone(), store };
        if self.write(&epoch, config, &settled).await {
            (self.watch)(MembershipEvent::RescanComplete(config.epoch));
            // Copies are not the truth, but whoever looks at them should not see a step under way.
            self.set_epoch(&settled).await?;
            self.decommission(config, &settled).await?;
        }
        Ok(())
    }

    fn soon(&self) -> Instant {
        self.deadline.min(Instant::now() + CHANGE_TIMEOUT)
    }

    async fn pause(&self, error: &ChangeError) {
        tracing::debug!(%error, "the config could not be changed; trying again");
        tokio::time::sleep(RETRY_DELAY).await;
    }

    async fn wait(&self) -> Result<(), MembershipError> {
        if Instant::now() + RETRY_DELAY >= self.deadline {
            return Err(MembershipError::Deadline);
        }
        tokio::time::sleep(RETRY_DELAY).await;
        Ok(())
    }
}
