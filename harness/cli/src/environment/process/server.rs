//! A Redis server of a run's own: its process, its directory, and what befalls the two.

use super::disk;
use super::program::{PORT_TRIES, Program, ProgramError, Recipe, free_port};
use crate::environment::tail::{Lengths, synced_after};
use crate::environment::trouble::{self, Trouble};
use crate::environment::{EnvironmentError, standing};
use crate::journal::{Journal, Made};
use crate::probe;
use nix::sys::signal::Signal;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use workloads::{FaultKind, Fsync};

/// How long a server is waited for that ends as soon as somebody writes.
const FULL_WITHIN: Duration = Duration::from_secs(1);

/// How all servers of a run are started.
#[derive(Debug, Clone)]
pub(super) struct Make {
    pub(super) binary: PathBuf,
    pub(super) logs: PathBuf,
    pub(super) fsync: Fsync,
    /// Whether their disks can be filled.
    pub(super) disk_can_be_full: bool,
    /// Where directories are written down, for when the harness is killed and cannot remove them.
    pub(super) journal: Option<Arc<Journal>>,
}

/// A server. It ends when this is dropped, and its directory goes.
pub(super) struct Server {
    program: Program,
    make: Make,
    port: u16,
    data: TempDir,
    /// What its log had lately, unless every write is synced.
    lengths: Option<Lengths>,
    trouble: Option<Trouble>,
    /// The limit of the size of files that it had before its disk was full.
    room: Option<String>,
    /// What is to be said about the fault of the moment.
    remark: Option<String>,
    /// How many bytes its log lost when its end was last cut off.
    lost: Option<u64>,
    /// Whether it was ended for good.
    finished: bool,
}

impl Server {
    pub(super) async fn start(acceptor: u32, make: &Make) -> Result<Self, EnvironmentError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut server = Self::spawn(acceptor, make)?;
            match server.up().await {
                Ok(()) => return Ok(server),
                Err(_) if tries < PORT_TRIES && server.program.found_port_taken() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn spawn(acceptor: u32, make: &Make) -> Result<Self, EnvironmentError> {
        let (data, port) = (directory(make)?, free_port()?);
        let lengths = synced_after(make.fsync).map(|age| Lengths::watch(data.path(), age));
        let program = Program::start(recipe(acceptor, make, port, data.path()))?;
        program.write_down(make.journal.as_deref())?;
        let (trouble, room, remark) = (None, None, None);
        let make = make.clone();
        let (lost, finished) = (None, false);
        Ok(Self { program, make, port, data, lengths, trouble, room, remark, lost, finished })
    }

    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Ends it for good, unless it has ended already.
    pub(super) async fn finish(&mut self) -> Result<(), EnvironmentError> {
        self.finished = true;
        Ok(self.program.end(Signal::SIGKILL).await?)
    }

    /// Kills it and starts it again at the same port with an empty directory.
    pub(super) async fn wipe(&mut self) -> Result<(), EnvironmentError> {
        self.program.end(Signal::SIGKILL).await?;
        self.empty()?;
        if let Some(lengths) = &self.lengths {
            lengths.forget();
        }
        self.start_again().await
    }

    /// Does a fault to it. Every fault of an acceptor can be done to a server of this kind.
    pub(super) async fn inject(
        &mut self,
        fault: FaultKind,
        guarded: bool,
    ) -> Result<(), EnvironmentError> {
        self.remark = None;
        match fault {
            FaultKind::Kill => self.program.end(Signal::SIGKILL).await?,
            FaultKind::Restart => self.program.end(Signal::SIGTERM).await?,
            FaultKind::Pause => self.program.signal(Signal::SIGSTOP)?,
            FaultKind::Wipe if guarded => self.wipe().await?,
            FaultKind::Wipe => standing::kept(&self.url(), self.wipe()).await?,
            FaultKind::TailLost => self.lose_tail().await?,
            FaultKind::Disconnect | FaultKind::Stall | FaultKind::MemoryFull => {
                self.trouble = Some(trouble::inject(fault, self.address()).await?);
            }
            FaultKind::DiskFull if self.make.disk_can_be_full => self.fill_disk().await?,
            FaultKind::DiskFull
            | FaultKind::Cut
            | FaultKind::Blackhole
            | FaultKind::OneWay
            | FaultKind::Latency
            | FaultKind::Bandwidth
            | FaultKind::Slicing
            | FaultKind::Loss
            | FaultKind::Drop
            | FaultKind::Reset
            | FaultKind::Limit
            | FaultKind::ProposerRestart
            | FaultKind::ProposerKill
            | FaultKind::ProposerPause
            | FaultKind::Membership => return Err(EnvironmentError::Unable(fault)),
        }
        Ok(())
    }

    /// Undoes it, and waits until the server serves again.
    pub(super) async fn undo(&mut self, fault: FaultKind) -> Result<(), EnvironmentError> {
        match fault {
            FaultKind::Kill | FaultKind::Restart | FaultKind::TailLost => self.start_again().await,
            FaultKind::Pause => Ok(self.program.signal(Signal::SIGCONT)?),
            // It runs already, without what it knew.
            FaultKind::Wipe => Ok(()),
            FaultKind::Disconnect | FaultKind::Stall | FaultKind::MemoryFull => {
                match self.trouble.take() {
                    Some(trouble) => Ok(trouble.undo().await?),
                    None => Ok(()),
                }
            }
            FaultKind::DiskFull => self.make_room().await,
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
            | FaultKind::ProposerRestart
            | FaultKind::ProposerKill
            | FaultKind::ProposerPause
            | FaultKind::Membership => Err(EnvironmentError::Unable(fault)),
        }
    }

    /// It must not have ended by itself.
    pub(super) fn there(&mut self) -> Result<(), ProgramError> {
        if self.finished { Ok(()) } else { self.program.there() }
    }

    /// How many bytes its log lost when its end was last cut off.
    pub(super) fn tail_lost(&self) -> Option<u64> {
        self.lost
    }

    /// How its process has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.program.ended()
    }

    /// What can be said about its process, and about the fault of the moment.
    pub(super) fn evidence(&mut self) -> String {
        let process = self.program.evidence();
        match &self.remark {
            Some(remark) => format!("{process}; {remark}"),
            None => process,
        }
    }

    async fn lose_tail(&mut self) -> Result<(), EnvironmentError> {
        let crash = Instant::now();
        self.program.end(Signal::SIGKILL).await?;
        self.lost = Some(0);
        let remark = match &self.lengths {
            None => String::from("nothing of its log was cut: every answer had waited for a sync"),
            Some(lengths) => {
                let io = |source| EnvironmentError::Io { path: self.data.path().into(), source };
                let cut = lengths.cut(crash).map_err(io)?;
                self.lost = Some(cut.lost);
                let ago = synced_after(self.make.fsync).unwrap_or_default().as_secs();
                format!(
                    "{} bytes of its log were cut, {} are left: what was older than {ago} s counts as synced, which is an approximation",
                    cut.lost, cut.left
                )
            }
        };
        self.remark = Some(remark);
        Ok(())
    }

    /// Fills its disk. One that syncs every write ends at its next one, as Redis does; another lives
    /// on and refuses writes.
    async fn fill_disk(&mut self) -> Result<(), EnvironmentError> {
        self.program.let_end();
        self.room = Some(disk::fill(self.program.id())?);
        self.remark = Some(String::from("it can write no file"));
        let ends = async {
            while self.program.ended().is_none() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if self.make.fsync == Fsync::Always {
            // If nobody writes it lives on, and that is no error.
            drop(timeout(FULL_WITHIN, ends).await);
        }
        Ok(())
    }

    async fn make_room(&mut self) -> Result<(), EnvironmentError> {
        let room = self.room.take();
        if self.program.ended().is_some() {
            return self.start_again().await;
        }
        if let Some(room) = room {
            disk::make_room(self.program.id(), &room)?;
        }
        // It may have been about to end of a write before there was room.
        match self.up().await {
            Ok(()) => {
                self.program.let_stay();
                Ok(())
            }
            Err(_) if self.program.ended().is_some() => self.start_again().await,
            Err(error) => Err(error.into()),
        }
    }

    fn empty(&mut self) -> Result<(), EnvironmentError> {
        let inside = std::fs::read_dir(self.data.path()).and_then(|entries| {
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() {
                    std::fs::remove_dir_all(path)?;
                } else {
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        });
        inside.map_err(|source| EnvironmentError::Io { path: self.data.path().into(), source })
    }

    /// Starts it again on what lies in its directory.
    async fn start_again(&mut self) -> Result<(), EnvironmentError> {
        self.program.start_again()?;
        self.program.write_down(self.make.journal.as_deref())?;
        Ok(self.up().await?)
    }

    /// Waits until it answers.
    async fn up(&mut self) -> Result<(), ProgramError> {
        let (address, id) = (self.address(), self.program.id());
        // Another program may have been quicker to take the port. While it reads its log, a server
        // says who it is, and answers nothing else.
        let serves = || async move {
            probe::process_id(address).await == Some(id) && probe::answers(address).await
        };
        self.program.up("no answer", serves).await
    }
}

fn recipe(acceptor: u32, make: &Make, port: u16, data: &Path) -> Recipe {
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let redis = [
        words(&["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]),
        vec![data.into()],
        words(&["--appendonly", "yes", "--appendfsync", make.fsync.name(), "--save", ""]),
        words(&["--daemonize", "no", "--protected-mode", "yes"]),
    ];
    let (binary, before) = if make.disk_can_be_full {
        let [env, ignore] = disk::IGNORING;
        (env.into(), vec![ignore.into(), make.binary.clone().into()])
    } else {
        (make.binary.clone(), Vec::new())
    };
    Recipe {
        name: format!("a{acceptor}"),
        binary,
        arguments: [before, redis.concat()].concat(),
        variables: Vec::new(),
        log: make.logs.join(format!("a{acceptor}.log")),
    }
}

fn directory(make: &Make) -> Result<TempDir, EnvironmentError> {
    // The run's id tells `harness heal` that the directory is the run's.
    let run =
        make.journal.as_ref().map_or_else(String::new, |journal| format!("{}-", journal.run()));
    let made = TempDir::with_prefix(format!("harness-{run}redis-"))
        .map_err(|source| EnvironmentError::Io { path: std::env::temp_dir(), source })?;
    if let Some(journal) = &make.journal {
        journal.note(&Made::Directory { path: made.path().to_owned() })?;
    }
    Ok(made)
}
