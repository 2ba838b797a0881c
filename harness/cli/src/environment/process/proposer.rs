//! A proposer as a process of its own: `gryadka serve`, which the harness carries in itself.

use super::program::{PATIENCE, Program, ProgramError, Recipe, free_port};
use crate::environment::EnvironmentError;
use crate::journal::Journal;
use nix::sys::signal::Signal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use workloads::{FaultKind, Span};

/// How many free ports are tried before giving up: another program may be quicker.
const PORT_TRIES: u32 = 3;
/// How long a proposer that is asked to end may finish what is under way.
const GRACE: &str = "2s";
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// A service. It ends when this is dropped.
pub(super) struct Proposer {
    program: Program,
    address: SocketAddr,
    /// Where its process is written down, as often as it is started.
    journal: Option<Arc<Journal>>,
}

/// An acceptor's own address, and where a proposer has to go instead: `redis://host:port` both.
pub(crate) type Way = (String, String);

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
                Err(_)
                    if tries < PORT_TRIES
                        && proposer.program.log().contains("Address already in use") => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) async fn strike(&mut self, fault: FaultKind) -> Result<(), EnvironmentError> {
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
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.program.ended() {
                return Err(self.program.astray(format!("it ended at once ({status})")));
            }
            if well(self.address, path).await {
                return Ok(());
            }
            if Instant::now() >= until {
                let reason = format!("{path} does not answer well within {} s", PATIENCE.as_secs());
                return Err(self.program.astray(reason));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Whether a service answers that path with 204.
async fn well(address: SocketAddr, path: &str) -> bool {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with(b"HTTP/1.1 204"))
    };
    matches!(timeout(ANSWER, asking).await, Ok(Ok(true)))
}

fn recipe(
    node: u32,
    address: SocketAddr,
    ways: &[Way],
    collect: Span,
    logs: &Path,
) -> Result<Recipe, EnvironmentError> {
    let own = |source| EnvironmentError::Io { path: PathBuf::from("/proc/self/exe"), source };
    let acceptors: Vec<_> = ways.iter().map(|(url, _)| url.as_str()).collect();
    let collect = format!("{}ms", collect.as_millis());
    let mut arguments: Vec<String> = ["gryadka", "serve", "--listen"].map(String::from).to_vec();
    arguments.push(address.to_string());
    arguments.extend([String::from("--acceptors"), acceptors.join(",")]);
    arguments.extend([String::from("--collect-every"), collect]);
    arguments.extend(["--shutdown-grace", GRACE].map(String::from));
    for (from, to) in ways {
        arguments.extend([String::from("--route"), format!("{from}={to}")]);
    }
    Ok(Recipe {
        name: format!("p{node}"),
        binary: std::env::current_exe().map_err(own)?,
        arguments: arguments.into_iter().map(Into::into).collect(),
        variables: vec![("HARNESS_LOG", "warn")],
        log: logs.join(format!("p{node}.log")),
    })
}
