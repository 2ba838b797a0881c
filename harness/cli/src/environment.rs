//! Where a run can take place, and what can be done to its acceptors there.

mod embedded;
mod process;

use embedded::Embedded;
use process::Process;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use workloads::{EnvironmentKind, FaultKind};

/// Why an environment cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    /// There is no server to start.
    #[error(
        "there is no redis-server on the PATH; install it (Debian: apt-get install redis-server) or use --environment embedded"
    )]
    NoRedis,
    /// A server did not come up, or not again.
    #[error("the acceptor of n{node} did not come up: {reason}{log}")]
    NotUp {
        /// Whose acceptor.
        node: u32,
        /// What was seen.
        reason: String,
        /// The last lines of its log, each on a line of its own.
        log: String,
    },
    /// A process could not be signalled.
    #[error("the acceptor of n{node} could not be sent {signal}: {source}")]
    Signal {
        /// Whose acceptor.
        node: u32,
        /// The signal's name.
        signal: &'static str,
        /// What the system said.
        source: nix::Error,
    },
    /// A directory or file could not be made.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The fault is not one of an acceptor, or this environment cannot do it.
    #[error("this environment cannot do {0}")]
    Unable(FaultKind),
}

/// The acceptors of a run, one per node.
pub(crate) enum Environment {
    Process(Process),
    Embedded(Embedded),
}

/// What an environment of this kind can do, strongest first where it matters.
pub(crate) const fn able(kind: EnvironmentKind) -> &'static [FaultKind] {
    match kind {
        EnvironmentKind::Auto | EnvironmentKind::Process => FaultKind::ALL,
        EnvironmentKind::Embedded => &[
            FaultKind::Cut,
            FaultKind::Blackhole,
            FaultKind::OneWay,
            FaultKind::Latency,
            FaultKind::Loss,
            FaultKind::Restart,
        ],
    }
}

/// Chooses where to run. The second part says why, when the choice was left to the harness.
pub(crate) fn choose(
    wanted: EnvironmentKind,
) -> Result<(EnvironmentKind, Option<String>), EnvironmentError> {
    let redis = process::server();
    match (wanted, redis) {
        (EnvironmentKind::Auto, Some(server)) => Ok((
            EnvironmentKind::Process,
            Some(format!("environment process: {} is on the PATH", server.display())),
        )),
        (EnvironmentKind::Auto, None) => Ok((
            EnvironmentKind::Embedded,
            Some(String::from(
                "environment embedded: there is no redis-server on the PATH for process",
            )),
        )),
        (EnvironmentKind::Process, None) => Err(EnvironmentError::NoRedis),
        (EnvironmentKind::Process | EnvironmentKind::Embedded, _) => Ok((wanted, None)),
    }
}

impl Environment {
    /// Starts an acceptor for each node, counted from 1. Server logs go to `logs`.
    pub(crate) async fn start(
        kind: EnvironmentKind,
        nodes: u32,
        logs: &Path,
    ) -> Result<Self, EnvironmentError> {
        match kind {
            EnvironmentKind::Auto | EnvironmentKind::Process => {
                Process::start(nodes, logs).await.map(Self::Process)
            }
            EnvironmentKind::Embedded => Embedded::start(nodes).map(Self::Embedded),
        }
    }

    /// Where a node's acceptor listens, itself: not through a link. The same for the whole run.
    pub(crate) fn address(&self, node: u32) -> SocketAddr {
        match self {
            Self::Process(process) => process.address(node),
            Self::Embedded(embedded) => embedded.address(node),
        }
    }

    /// Names and versions of what serves.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        match self {
            Self::Process(process) => vec![(String::from("redis-server"), process.version())],
            Self::Embedded(_) => Vec::new(),
        }
    }

    /// Does a fault to a node's acceptor.
    pub(crate) async fn strike(
        &mut self,
        fault: FaultKind,
        node: u32,
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Process(process) => process.strike(fault, node).await,
            Self::Embedded(embedded) => embedded.strike(fault, node).await,
        }
    }

    /// Undoes a fault of a node's acceptor, and waits until it serves again.
    pub(crate) async fn undo(
        &mut self,
        fault: FaultKind,
        node: u32,
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Process(process) => process.undo(fault, node).await,
            Self::Embedded(embedded) => embedded.undo(fault, node).await,
        }
    }

    /// Whether every acceptor that should be there is: one that ended by itself is an error.
    pub(crate) fn all_there(&mut self) -> Result<(), EnvironmentError> {
        match self {
            Self::Process(process) => process.all_there(),
            Self::Embedded(_) => Ok(()),
        }
    }

    /// What can be said about the acceptor's process, as evidence; empty when there is none.
    pub(crate) fn process_evidence(&mut self, node: u32) -> Option<String> {
        match self {
            Self::Process(process) => Some(process.evidence(node)),
            Self::Embedded(_) => None,
        }
    }
}
