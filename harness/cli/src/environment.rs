//! Where a run can take place, and what can be done to its acceptors and proposers there.
//!
//! | question | file |
//! |---|---|
//! | which environment is it, and what can this one do? | `environment/choice.rs` |
//! | which proposers go with which? | `environment/placement.rs` |
//! | Redis in containers, behind Toxiproxy | `environment/docker.rs` |
//! | Redis servers on loopback | `environment/process.rs` |
//! | native acceptors inside the harness | `environment/embedded.rs` |
//! | a cluster that is there already | `environment/external.rs` |
//! | what is done to a Redis server by telling it so? | `environment/trouble.rs`, `environment/console.rs` |
//! | what is lost of a log, and what of a standing? | `environment/tail.rs`, `environment/standing.rs` |

mod choice;
mod console;
pub(crate) mod docker;
mod embedded;
mod external;
mod placement;
mod process;
mod serving;
mod standing;
mod tail;
mod trouble;

pub(crate) use choice::{Wanted, choose};

use crate::journal::{Journal, JournalError};
use docker::Docker;
use docker::daemon::DockerError;
use embedded::Embedded;
pub(crate) use external::Sweep;
use external::{External, ExternalError};
use process::{Process, ProgramError};
use serving::Way;
use standing::StandingError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use trouble::TroubleError;
use workloads::{EnvironmentKind, FaultKind, Proposers, Scenario};

/// Why an environment cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    /// There is no server to start.
    #[error(
        "there is no redis-server on the PATH; install it (Debian: apt-get install redis-server) or use --environment embedded"
    )]
    NoRedis,
    /// A server did not come up, or not again.
    #[error("acceptor a{acceptor} did not come up: {reason}{log}")]
    NotUp {
        /// Which one.
        acceptor: u32,
        /// What was seen.
        reason: String,
        /// The last lines of its log, each on a line of its own.
        log: String,
    },
    /// A process is not as it should be.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A cluster that is there already cannot be used.
    #[error(transparent)]
    External(#[from] ExternalError),
    /// A server did not do what it was told.
    #[error(transparent)]
    Trouble(#[from] TroubleError),
    /// An acceptor's standing was not carried over.
    #[error(transparent)]
    Standing(#[from] StandingError),
    /// A directory or file could not be made.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Containers cannot serve.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// What is to be made could not be written down before.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The proposers cannot be where they are wanted.
    #[error(transparent)]
    Misplaced(#[from] placement::Misplaced),
    /// What was asked for does not go together.
    #[error("{0}")]
    Mismatch(&'static str),
    /// The fault is not one of a server, or this environment cannot do it.
    #[error("this environment cannot do {0}")]
    Unable(FaultKind),
}

impl EnvironmentError {
    /// Whether the user can mend it, by asking for something else or by setting the machine up.
    pub(crate) const fn is_of_user(&self) -> bool {
        match self {
            Self::NoRedis | Self::External(_) | Self::Misplaced(_) | Self::Mismatch(_) => true,
            Self::Docker(error) => error.is_of_user(),
            Self::NotUp { .. }
            | Self::Program(_)
            | Self::Trouble(_)
            | Self::Standing(_)
            | Self::Io { .. }
            | Self::Journal(_)
            | Self::Unable(_) => false,
        }
    }
}

/// What links are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wiring {
    /// The harness's own proxy, inside it.
    Inside,
    /// A Toxiproxy, over HTTP: the genuine one or ours.
    Toxiproxy(ToxiproxyPlace),
}

/// Where a Toxiproxy is, and how it is to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToxiproxyPlace {
    /// Its API: `http://host:port`.
    pub(crate) api: String,
    /// What its proxies listen on: 0.0.0.0 in a container, else 127.0.0.1.
    pub(crate) listen: IpAddr,
    /// Where the harness reaches what it listens on.
    pub(crate) reach: IpAddr,
    /// Whether the link from proposer p to acceptor a has the port 20000 + 100 p + a, so that it is
    /// known before there is such a link; otherwise it has any port.
    pub(crate) numbered: bool,
    /// Whether the links p1-a1, p1-a2, … are there already, and are left there.
    pub(crate) existing: bool,
}

/// What an environment is started from.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) scenario: &'a Scenario,
    /// The directory that servers' logs go to.
    pub(crate) logs: &'a Path,
    /// Where everything that is made is written down before.
    pub(crate) journal: &'a Arc<Journal>,
}

/// The acceptors of a run, by number: one per node from the beginning, and those that join later.
pub(crate) enum Environment {
    Docker(Box<Docker>),
    Process(Process),
    Embedded(Embedded),
    External(External),
}

/// What an environment of this kind could ever do, on some machine and wherever the proposers are.
pub(crate) const fn able(kind: EnvironmentKind) -> &'static [FaultKind] {
    match kind {
        EnvironmentKind::Docker => docker::ABLE,
        EnvironmentKind::Auto | EnvironmentKind::Process => process::ABLE,
        EnvironmentKind::Embedded => embedded::ABLE,
        EnvironmentKind::External => external::ABLE,
    }
}

/// What it can do on this machine.
pub(crate) fn able_here(kind: EnvironmentKind) -> Vec<FaultKind> {
    if kind == EnvironmentKind::Process {
        return process::able(Proposers::Process);
    }
    able(kind).to_vec()
}

impl Environment {
    /// Starts an acceptor for each node, counted from 1.
    pub(crate) async fn start(start: Start<'_>) -> Result<Self, EnvironmentError> {
        let scenario = start.scenario;
        let mut environment = match scenario.environment {
            EnvironmentKind::External => {
                return Ok(Self::External(External::find(scenario, start.journal.run()).await?));
            }
            // All of them at once: one by one they would take long.
            EnvironmentKind::Docker => {
                return Ok(Self::Docker(Box::new(Docker::start(&start).await?)));
            }
            EnvironmentKind::Auto | EnvironmentKind::Process => {
                Self::Process(Process::new(scenario, start.logs)?.journalled(start.journal))
            }
            EnvironmentKind::Embedded => Self::Embedded(Embedded::new(scenario.mutant)),
        };
        for _ in 0..scenario.nodes {
            environment.start_acceptor().await?;
        }
        Ok(environment)
    }

    /// The same for a test, with logs and journal in a directory of its own.
    #[cfg(test)]
    pub(crate) async fn start_in(
        directory: &Path,
        scenario: &Scenario,
    ) -> Result<Self, EnvironmentError> {
        let journal = Arc::new(Journal::begin(directory)?);
        Self::start(Start { scenario, logs: directory, journal: &journal }).await
    }

    /// What the links of a run here are made with.
    pub(crate) fn wiring(&self) -> Wiring {
        match self {
            Self::Process(_) | Self::Embedded(_) => Wiring::Inside,
            Self::Docker(docker) => Wiring::Toxiproxy(docker.toxiproxy()),
            Self::External(external) => Wiring::Toxiproxy(external.toxiproxy()),
        }
    }

    /// Starts one more acceptor, empty and without a place in any cluster. Answers its number, which
    /// is the next one.
    pub(crate) async fn start_acceptor(&mut self) -> Result<u32, EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.add().await,
            Self::Process(process) => process.add().await,
            Self::Embedded(embedded) => embedded.add(),
            Self::External(_) => Err(EnvironmentError::Unable(FaultKind::Membership)),
        }
    }

    /// Where an acceptor listens, itself: not through a link. The same for the whole run.
    pub(crate) fn address(&self, acceptor: u32) -> SocketAddr {
        match self {
            Self::Docker(docker) => docker.address(acceptor),
            Self::Process(process) => process.address(acceptor),
            Self::Embedded(embedded) => embedded.address(acceptor),
            Self::External(external) => external.address(acceptor),
        }
    }

    /// Where an acceptor will listen that is still to be started, where that is known beforehand.
    pub(crate) fn address_ahead(&self, acceptor: u32) -> Option<SocketAddr> {
        match self {
            Self::Docker(docker) => docker.address_ahead(acceptor),
            Self::Process(_) | Self::Embedded(_) | Self::External(_) => None,
        }
    }

    /// The same as the store wants it.
    pub(crate) fn url(&self, acceptor: u32) -> String {
        let scheme = match self {
            Self::Docker(_) | Self::Process(_) | Self::External(_) => "redis",
            Self::Embedded(_) => "native",
        };
        format!("{scheme}://{}", self.address(acceptor))
    }

    /// Ends an acceptor for good, if it has not ended yet: nobody counts on it any more.
    pub(crate) async fn end(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.end(acceptor).await,
            Self::Process(process) => process.end(acceptor).await,
            Self::Embedded(embedded) => {
                embedded.stop(acceptor).await;
                Ok(())
            }
            Self::External(_) => Err(EnvironmentError::Unable(FaultKind::Membership)),
        }
    }

    /// Kills an acceptor and starts it again, at the same address, without anything that it knew.
    pub(crate) async fn wipe(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.wipe(acceptor).await,
            Self::Process(process) => process.wipe(acceptor).await,
            Self::Embedded(embedded) => embedded.wipe(acceptor).await,
            Self::External(_) => Err(EnvironmentError::Unable(FaultKind::Wipe)),
        }
    }

    /// Names and versions of what serves.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        match self {
            Self::Docker(docker) => docker.versions(),
            Self::Process(process) => vec![(String::from("redis-server"), process.version())],
            Self::Embedded(_) => Vec::new(),
            Self::External(external) => external.versions(),
        }
    }

    /// Does a fault to an acceptor.
    pub(crate) async fn inject(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.inject(fault, acceptor).await,
            Self::Process(process) => process.inject(fault, acceptor).await,
            Self::Embedded(embedded) => embedded.inject(fault, acceptor).await,
            Self::External(_) => Err(EnvironmentError::Unable(fault)),
        }
    }

    /// Undoes a fault of an acceptor, and waits until it serves again.
    pub(crate) async fn undo(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.undo(fault, acceptor).await,
            Self::Process(process) => process.undo(fault, acceptor).await,
            Self::Embedded(embedded) => embedded.undo(fault, acceptor).await,
            Self::External(_) => Err(EnvironmentError::Unable(fault)),
        }
    }

    /// Starts a proposer of its own for each node, which finds the acceptors by its own ways.
    pub(crate) async fn start_proposers(
        &mut self,
        ways: &[Vec<Way>],
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.start_proposers(ways).await,
            Self::Process(process) => process.start_proposers(ways).await,
            Self::Embedded(_) | Self::External(_) => Ok(()),
        }
    }

    /// Where proposers serve that are not inside the harness, `http://host:port`, by node.
    pub(crate) fn services(&self) -> Vec<String> {
        match self {
            Self::Docker(docker) => docker.services(),
            Self::Process(process) => process.services(),
            Self::Embedded(_) => Vec::new(),
            Self::External(external) => external.services(),
        }
    }

    /// What the names of a run's keys begin with in the store: nothing where it is the run's own.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::Docker(_) | Self::Process(_) | Self::Embedded(_) => "",
            Self::External(external) => external.prefix(),
        }
    }

    /// Does a fault to a node's proposer.
    pub(crate) async fn inject_proposer(
        &mut self,
        fault: FaultKind,
        node: u32,
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.inject_proposer(fault, node).await,
            Self::Process(process) => process.inject_proposer(fault, node).await,
            Self::Embedded(_) | Self::External(_) => Err(EnvironmentError::Unable(fault)),
        }
    }

    /// Undoes a fault of a node's proposer.
    pub(crate) async fn undo_proposer(
        &mut self,
        fault: FaultKind,
        node: u32,
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.undo_proposer(fault, node).await,
            Self::Process(process) => process.undo_proposer(fault, node).await,
            Self::Embedded(_) | Self::External(_) => Err(EnvironmentError::Unable(fault)),
        }
    }

    /// What can be said about the process of a node's proposer; empty when there is none.
    pub(crate) async fn proposer_evidence(&mut self, node: u32) -> Option<String> {
        match self {
            Self::Docker(docker) => Some(docker.proposer_evidence(node).await),
            Self::Process(process) => Some(process.proposer_evidence(node)),
            Self::Embedded(_) | Self::External(_) => None,
        }
    }

    /// Ends everything in good order. Nobody may call any more.
    pub(crate) async fn finish(&mut self) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.finish().await,
            // These end when they are dropped.
            Self::Process(_) | Self::Embedded(_) | Self::External(_) => Ok(()),
        }
    }

    /// Whether everybody is there who should be: one that ended by itself is an error.
    pub(crate) async fn all_there(&mut self) -> Result<(), EnvironmentError> {
        match self {
            Self::Docker(docker) => docker.all_there().await,
            Self::Process(process) => process.all_there(),
            Self::Embedded(_) | Self::External(_) => Ok(()),
        }
    }

    /// How many bytes the acceptor's log lost when its unsynced end was last cut off; none when that did not
    /// happen.
    pub(crate) fn tail_lost(&self, acceptor: u32) -> Option<u64> {
        match self {
            Self::Docker(docker) => docker.tail_lost(acceptor),
            Self::Process(process) => process.tail_lost(acceptor),
            Self::Embedded(_) | Self::External(_) => None,
        }
    }

    /// How the acceptor's process has ended, if it has, and the environment knows.
    pub(crate) fn ended(&mut self, acceptor: u32) -> Option<ExitStatus> {
        match self {
            Self::Process(process) => process.ended(acceptor),
            Self::Docker(_) | Self::Embedded(_) | Self::External(_) => None,
        }
    }

    /// What can be said about the acceptor's process, as evidence; empty when there is none.
    pub(crate) async fn process_evidence(&mut self, acceptor: u32) -> Option<String> {
        match self {
            Self::Docker(docker) => Some(docker.evidence(acceptor).await),
            Self::Process(process) => Some(process.evidence(acceptor)),
            Self::Embedded(_) | Self::External(_) => None,
        }
    }
}
