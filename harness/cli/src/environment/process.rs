//! Redis servers on loopback, each in a directory of its own, and proposers as processes beside them.
//!
//! | question | file |
//! |---|---|
//! | how is a program started, signalled, ended? | `process/program.rs` |
//! | what befalls a Redis server? | `process/server.rs`; a full disk: `process/disk.rs` |
//! | what befalls a proposer? | `process/proposer.rs` |

mod disk;
mod program;
mod proposer;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use disk::can_be_full;
pub(crate) use program::ProgramError;

use super::EnvironmentError;
use super::serving::Way;
use crate::journal::Journal;
use proposer::Proposer;
use server::{Make, Server};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::process::ExitStatus;
use std::sync::Arc;
use workloads::{Befalls, FaultKind, Mutant, Proposers, Scenario, Span};

/// What can be done to these servers and proposers, and to the links to them, on some machine and
/// with proposers somewhere.
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
    FaultKind::DiskFull,
    FaultKind::ProposerRestart,
    FaultKind::ProposerKill,
    FaultKind::ProposerPause,
    FaultKind::Membership,
];

/// What can be done on this machine, with proposers where they are.
pub(super) fn able(proposers: Proposers) -> Vec<FaultKind> {
    let inside = proposers == Proposers::Inside;
    let can = |fault: &FaultKind| match fault.befalls() {
        Befalls::Proposer => !inside,
        Befalls::Links | Befalls::Cluster => true,
        Befalls::Acceptor => *fault != FaultKind::DiskFull || can_be_full(),
    };
    ABLE.iter().copied().filter(can).collect()
}

/// Redis servers and proposers. All end with this value, whatever state they are in.
pub(crate) struct Process {
    proposers: Vec<Proposer>,
    servers: Vec<Server>,
    make: Make,
    collect: Span,
    /// Whether a wiped acceptor loses its place in the cluster, as it should.
    guarded: bool,
}

/// The server's binary, if this machine has one.
pub(crate) fn server() -> Option<PathBuf> {
    which::which("redis-server").ok()
}

impl Process {
    pub(crate) fn new(scenario: &Scenario, logs: &Path) -> Result<Self, EnvironmentError> {
        let binary = server().ok_or(EnvironmentError::NoRedis)?;
        fs::create_dir_all(logs)
            .map_err(|source| EnvironmentError::Io { path: logs.to_owned(), source })?;
        let disk_can_be_full = can_be_full();
        let (logs, fsync) = (logs.to_owned(), scenario.fsync);
        Ok(Self {
            proposers: Vec::new(),
            servers: Vec::new(),
            make: Make { binary, logs, fsync, disk_can_be_full, journal: None },
            collect: scenario.collect,
            guarded: scenario.mutant != Some(Mutant::Unguarded),
        })
    }

    /// The same, with what is made written down.
    pub(crate) fn journalled(mut self, journal: &Arc<Journal>) -> Self {
        self.make.journal = Some(Arc::clone(journal));
        self
    }

    /// Starts one more acceptor, and answers its number.
    pub(crate) async fn add(&mut self) -> Result<u32, EnvironmentError> {
        let number = u32::try_from(self.servers.len() + 1).unwrap_or(u32::MAX);
        self.servers.push(Server::start(number, &self.make).await?);
        Ok(number)
    }

    /// Ends an acceptor for good, unless it has ended already.
    pub(crate) async fn end(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        self.server(acceptor).finish().await
    }

    /// Kills one and starts it again at the same port with an empty directory.
    pub(crate) async fn wipe(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        self.server(acceptor).wipe().await
    }

    pub(crate) fn address(&self, acceptor: u32) -> SocketAddr {
        self.servers[acceptor as usize - 1].address()
    }

    pub(crate) fn version(&self) -> String {
        let output = Command::new(&self.make.binary).arg("--version").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let version = text.ok().and_then(|text| {
            text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map(str::to_owned)
        });
        version.unwrap_or_else(|| String::from("unknown"))
    }

    pub(crate) async fn inject(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        let guarded = self.guarded;
        self.server(acceptor).inject(fault, guarded).await
    }

    pub(crate) async fn undo(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        self.server(acceptor).undo(fault).await
    }

    /// Starts a proposer for each node, which finds the acceptors by its own ways. The first one
    /// collects tombstones.
    pub(crate) async fn start_proposers(
        &mut self,
        ways: &[Vec<Way>],
    ) -> Result<(), EnvironmentError> {
        for (node, ways) in (1..).zip(ways) {
            let collect = if node == 1 { self.collect } else { Span::default() };
            let (logs, journal) = (&self.make.logs, self.make.journal.as_ref());
            self.proposers.push(Proposer::start(node, ways, collect, logs, journal).await?);
        }
        Ok(())
    }

    /// Where the proposers serve, by node; empty before they were started.
    pub(crate) fn services(&self) -> Vec<String> {
        self.proposers.iter().map(Proposer::url).collect()
    }

    pub(crate) async fn inject_proposer(
        &mut self,
        fault: FaultKind,
        node: u32,
    ) -> Result<(), EnvironmentError> {
        self.proposers[node as usize - 1].inject(fault).await
    }

    pub(crate) async fn undo_proposer(
        &mut self,
        fault: FaultKind,
        node: u32,
    ) -> Result<(), EnvironmentError> {
        self.proposers[node as usize - 1].undo(fault).await
    }

    pub(crate) fn proposer_evidence(&mut self, node: u32) -> String {
        self.proposers[node as usize - 1].evidence()
    }

    pub(crate) fn all_there(&mut self) -> Result<(), EnvironmentError> {
        self.servers.iter_mut().try_for_each(Server::there)?;
        Ok(self.proposers.iter_mut().try_for_each(Proposer::there)?)
    }

    pub(crate) fn tail_lost(&self, acceptor: u32) -> Option<u64> {
        self.servers.get(acceptor as usize - 1)?.tail_lost()
    }

    pub(crate) fn ended(&mut self, acceptor: u32) -> Option<ExitStatus> {
        self.server(acceptor).ended()
    }

    pub(crate) fn evidence(&mut self, acceptor: u32) -> String {
        self.server(acceptor).evidence()
    }

    fn server(&mut self, acceptor: u32) -> &mut Server {
        &mut self.servers[acceptor as usize - 1]
    }
}
