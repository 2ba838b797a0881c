//! A proposer as a process of its own: `gryadka serve`, which the harness carries in itself.

use super::program::{PORT_TRIES, Program, ProgramError, Recipe, free_port};
use crate::environment::EnvironmentError;
use crate::environment::serving::{Way, arguments, well};
use crate::journal::Journal;
use nix::sys::signal::Signal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use workloads::{FaultKind, Span};

/// A service. It ends when this is dropped.
pub(super) struct Proposer {
    program: Program,
    address: SocketAddr,
    /// Where its process is written down, as often as it is started.
    journal: Option<Arc<Journal>>,
}

impl Proposer {
    /// Starts a node's proposer, and waits until it is ready. It finds its acceptors by `ways`, and
    /// collects tombstones as often as `collect` says: 0 for never.
    pub(super) async fn start(
        node: u32,
        ways: &[Way],
        collect: Span,
        logs: &Path,
        journal: Option<&Arc<Journal>>,
    ) -> Result<Self, EnvironmentError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
            let program = Program::start(recipe(node, address, ways, collect, logs)?)?;
            program.write_down(journal.map(AsRef::as_ref))?;
            let mut proposer = Self { program, address, journal: journal.cloned() };
            match proposer.up().await {
                Ok(()) => return Ok(proposer),
                Err(_) if tries < PORT_TRIES && proposer.program.found_port_taken() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) async fn inject(&mut self, fault: FaultKind) -> Result<(), EnvironmentError> {
        match fault {
            FaultKind::ProposerKill => self.program.end(Signal::SIGKILL).await?,
            FaultKind::ProposerRestart => self.program.end(Signal::SIGTERM).await?,
            FaultKind::ProposerPause => self.program.signal(Signal::SIGSTOP)?,
            FaultKind::Cut
            | FaultKind::Blackhole
            | FaultKind::OneWay
            | FaultKind::Latency
            | FaultKind::Bandwidth
            | FaultKind::Slicing
            | FaultKind::Loss
            | FaultKind::Drop
            | FaultKind::Reset
            | FaultKind::Limit
            | FaultKind::Restart
            | FaultKind::Kill
            | FaultKind::Pause
            | FaultKind::Wipe
            | FaultKind::TailLost
            | FaultKind::Disconnect
            | FaultKind::Stall
            | FaultKind::MemoryFull
            | FaultKind::DiskFull
            | FaultKind::Membership => return Err(EnvironmentError::Unable(fault)),
        }
        Ok(())
    }

    /// Undoes it. One that is started again is waited for until it answers; whether it finds a quorum
    /// is not its own affair.
    pub(super) async fn undo(&mut self, fault: FaultKind) -> Result<(), EnvironmentError> {
        match fault {
            FaultKind::ProposerKill | FaultKind::ProposerRestart => {
                self.program.start_again()?;
                self.program.write_down(self.journal.as_deref())?;
                Ok(self.answers("/healthz").await?)
            }
            FaultKind::ProposerPause => Ok(self.program.signal(Signal::SIGCONT)?),
            FaultKind::Cut
            | FaultKind::Blackhole
            | FaultKind::OneWay
            | FaultKind::Latency
            | FaultKind::Bandwidth
            | FaultKind::Slicing
            | FaultKind::Loss
            | FaultKind::Drop
            | FaultKind::Reset
            | FaultKind::Limit
            | FaultKind::Restart
            | FaultKind::Kill
            | FaultKind::Pause
            | FaultKind::Wipe
            | FaultKind::TailLost
            | FaultKind::Disconnect
            | FaultKind::Stall
            | FaultKind::MemoryFull
            | FaultKind::DiskFull
            | FaultKind::Membership => Err(EnvironmentError::Unable(fault)),
        }
    }

    /// It must not have ended by itself.
    pub(super) fn there(&mut self) -> Result<(), ProgramError> {
        self.program.there()
    }

    pub(super) fn evidence(&mut self) -> String {
        self.program.evidence()
    }

    /// Waits until it finds a quorum of acceptors.
    async fn up(&mut self) -> Result<(), ProgramError> {
        self.answers("/readyz").await
    }

    /// Waits until it answers well there.
    async fn answers(&mut self, path: &str) -> Result<(), ProgramError> {
        let (address, silence) = (self.address, format!("{path} does not answer well"));
        self.program.up(&silence, || well(address, path)).await
    }
}

fn recipe(
    node: u32,
    address: SocketAddr,
    ways: &[Way],
    collect: Span,
    logs: &Path,
) -> Result<Recipe, EnvironmentError> {
    let own = |source| EnvironmentError::Io { path: PathBuf::from("/proc/self/exe"), source };
    let arguments = arguments(&address.to_string(), ways, collect);
    Ok(Recipe {
        name: format!("p{node}"),
        binary: std::env::current_exe().map_err(own)?,
        arguments: arguments.into_iter().map(Into::into).collect(),
        variables: vec![("HARNESS_LOG", "warn")],
        log: logs.join(format!("p{node}.log")),
    })
}
