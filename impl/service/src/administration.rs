//! What can be asked of a cluster as a whole, by the service and by the command line alike.

use crate::overview::Overview;
use gryadka::{
    ClusterConfig, CollectorOutcome, DirectoryError, Gryadka, Membership, MembershipError,
    MembershipEvent, MembershipOptions, redacted,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// A change of the cluster, which may take long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// Acceptors join, leave or are replaced; or such a change is resumed or cancelled.
    Membership(Membership),
    /// Every key is committed again under the present configuration.
    Rescan,
    /// Deleted registers are erased from every acceptor.
    Collect,
}

impl Task {
    /// Its name in paths, commands and logs.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Membership(Membership::Grow(_)) => "grow",
            Self::Membership(Membership::Shrink(_)) => "shrink",
            Self::Membership(Membership::Replace { .. }) => "replace",
            Self::Membership(Membership::Resume) => "resume",
            Self::Membership(Membership::Cancel) => "cancel",
            Self::Rescan => "rescan",
            Self::Collect => "collect",
        }
    }
}

/// The result of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    /// The present acceptors, by number.
    Members {
        /// The configuration's number.
        epoch: u64,
        /// Their addresses.
        acceptors: BTreeMap<u32, String>,
    },
    /// Every key was committed again.
    Rescanned {
        /// How many there are.
        keys: u64,
    },
    /// Deleted keys were erased.
    Collected {
        /// Keys that are erased on every acceptor.
        erased: u64,
        /// Keys that have been written again meanwhile.
        alive: u64,
        /// Keys that are left for later, because not every acceptor answered.
        unfinished: u64,
    },
}

impl Outcome {
    fn members(config: &ClusterConfig) -> Self {
        let members = config.members();
        let acceptors = config.acceptors.iter().filter(|(id, _)| members.contains(id));
        let shown = |(&id, address): (&u32, &String)| (id, address.clone());
        Self::Members { epoch: config.epoch, acceptors: acceptors.map(shown).collect() }
    }
}

impl From<CollectorOutcome> for Outcome {
    fn from(CollectorOutcome { erased, alive, unfinished }: CollectorOutcome) -> Self {
        Self::Collected { erased, alive, unfinished }
    }
}

/// A task that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// The store gave the reason.
    #[error("{}", redacted(&.0.to_string()))]
    Membership(#[from] MembershipError),
    /// `cancel` was asked for.
    #[error("the operation was cancelled; the steps that were done stay")]
    Cancelled,
}

/// What a failure means to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// What was asked for makes no sense for this cluster.
    Request,
    /// It makes sense, but not as things are now.
    State,
    /// Too few answered, or too slowly.
    Reach,
}

impl TaskError {
    /// The machine-readable word, and what it means.
    pub(crate) const fn kind(&self) -> (&'static str, Blame) {
        match self {
            Self::Membership(error) => match error {
                MembershipError::NoAcceptors => ("no-acceptors", Blame::Request),
                MembershipError::UnknownAcceptor { .. } => ("unknown-acceptor", Blame::Request),
                MembershipError::AcceptorExists(_) => ("acceptor-exists", Blame::Request),
                MembershipError::Address(_)
                | MembershipError::Directory(DirectoryError::Address(_)) => {
                    ("bad-address", Blame::Request)
                }
                MembershipError::JoinFailed { .. } => ("join-failed", Blame::State),
                MembershipError::Busy(_) => ("busy", Blame::State),
                MembershipError::GivenUp(_) => ("given-up", Blame::State),
                MembershipError::ClusterConfig(_)
                | MembershipError::Directory(
                    DirectoryError::ClusterConfig(_) | DirectoryError::TwoClusters(..),
                ) => ("bad-cluster", Blame::State),
                MembershipError::NoCluster => ("no-cluster", Blame::Reach),
                MembershipError::Deadline => ("deadline", Blame::Reach),
            },
            Self::Cancelled => ("cancelled", Blame::State),
        }
    }
}

/// A cluster, and how to change it.
#[derive(Debug, Clone)]
pub(crate) struct Administration {
    gryadka: Gryadka,
}

impl Administration {
    pub(crate) const fn new(gryadka: Gryadka) -> Self {
        Self { gryadka }
    }

    /// The cluster as its acceptors report it now.
    pub(crate) async fn overview(&self) -> Result<Overview, TaskError> {
        Ok(Overview::of(&self.gryadka.cluster().await?))
    }

    /// Carries out a task, and calls `watch` after each part. After the time `within`, what is done
    /// stays, and the task can be resumed.
    pub(crate) async fn perform(
        &self,
        task: Task,
        within: Duration,
        watch: &(dyn Fn(MembershipEvent) + Send + Sync),
    ) -> Result<Outcome, TaskError> {
        let options = MembershipOptions { deadline: Instant::now() + within };
        match task {
            Task::Membership(change) => {
                let changing = self.gryadka.change_membership(change, options, watch);
                Ok(Outcome::members(&changing.await?))
            }
            Task::Rescan => {
                let keys = self.gryadka.rescan(options, watch).await?;
                Ok(Outcome::Rescanned { keys })
            }
            Task::Collect => Ok(self.gryadka.collect().await?.into()),
        }
    }
}
