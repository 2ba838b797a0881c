//! A program that the harness starts, signals, and ends with itself.

use crate::environment::EnvironmentError;
use crate::journal::{Journal, Made, Owner};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a program may take to come up, or to go in good order.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many free ports are tried before giving up: another program may be quicker.
pub(super) const PORT_TRIES: u32 = 3;
/// Lines of a program's log that an error shows.
const LOG_LINES: usize = 12;

/// Why a program is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// It did not come up, or not again, or ended by itself, or does not end.
    #[error("{name} is not as it should be: {reason}{log}")]
    Astray {
        /// Which acceptor or proposer it is.
        name: String,
        /// What was seen.
        reason: String,
        /// The last lines of its log, each on a line of its own.
        log: String,
    },
    /// It could not be signalled.
    #[error("{name} could not be sent {signal}: {source}")]
    Signal {
        /// Which acceptor or proposer it is.
        name: String,
        /// The signal's name.
        signal: &'static str,
        /// What the system said.
        source: nix::Error,
    },
}

/// How a program is started, as often as need be.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    /// Which acceptor or proposer it is: `a1`, `p2`.
    pub(super) name: String,
    pub(super) binary: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) variables: Vec<(&'static str, &'static str)>,
    /// What it says goes to the end of this file.
    pub(super) log: PathBuf,
}

/// Becomes the program that is named after a process's number, unless that process is no longer the
/// parent: it may have ended before its end was asked to be told of.
const UNLESS_ORPHAN: &str = r#"[ "$PPID" = "$1" ] || exit 1; shift; exec "$@""#;

/// A process. It ends when this is dropped, whatever state it is in.
pub(super) struct Program {
    recipe: Recipe,
    child: Child,
    /// Whether it is right that it has ended, or soon may.
    may_end: bool,
}

impl Program {
    pub(super) fn start(recipe: Recipe) -> Result<Self, EnvironmentError> {
        let child = spawn(&recipe)?;
        Ok(Self { recipe, child, may_end: false })
    }

    /// Starts it again. It must have ended.
    pub(super) fn start_again(&mut self) -> Result<(), EnvironmentError> {
        self.child = spawn(&self.recipe)?;
        self.may_end = false;
        Ok(())
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Notes its process, which may outlive a killed harness where `setpriv` is missing.
    pub(super) fn write_down(&self, journal: Option<&Journal>) -> Result<(), EnvironmentError> {
        if let (Some(journal), Some(process)) = (journal, Owner::of(self.id())) {
            journal.note(&Made::Process { process })?;
        }
        Ok(())
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// From now on it is no error that it ends, until it is started again.
    pub(super) const fn let_end(&mut self) {
        self.may_end = true;
    }

    /// From now on it is an error again that it ends by itself.
    pub(super) const fn let_stay(&mut self) {
        self.may_end = false;
    }

    /// It must not have ended by itself.
    pub(super) fn there(&mut self) -> Result<(), ProgramError> {
        match self.ended() {
            Some(status) if !self.may_end => {
                Err(self.astray(format!("it ended by itself ({status})")))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn signal(&mut self, signal: Signal) -> Result<(), ProgramError> {
        if let Some(status) = self.ended() {
            // It was waited for above, and its number may be another's by now.
            return Err(self.astray(format!("it has ended ({status})")));
        }
        let error = |source| ProgramError::Signal {
            name: self.recipe.name.clone(),
            signal: signal.as_str(),
            source,
        };
        let pid = i32::try_from(self.child.id()).map_err(|_| error(nix::Error::EINVAL))?;
        kill(Pid::from_raw(pid), signal).map_err(error)
    }

    /// Ends it by a signal, unless it has ended already, and waits until it is gone.
    pub(super) async fn end(&mut self, signal: Signal) -> Result<(), ProgramError> {
        self.let_end();
        if self.ended().is_none() {
            self.signal(signal)?;
        }
        let until = Instant::now() + PATIENCE;
        while self.ended().is_none() {
            if Instant::now() >= until {
                return Err(self.astray(format!("it does not end by {}", signal.as_str())));
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until `serves` says that it does. When it does not in time, the error says what was seen:
    /// `silence`.
    pub(super) async fn up<S>(
        &mut self,
        silence: &str,
        serves: impl Fn() -> S + Send,
    ) -> Result<(), ProgramError>
    where
        S: Future<Output = bool> + Send,
    {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.ended() {
                return Err(self.astray(format!("it ended at once ({status})")));
            }
            if serves().await {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(self.astray(format!("{silence} within {} s", PATIENCE.as_secs())));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether it says that another program has the port that it was to listen on.
    pub(super) fn found_port_taken(&self) -> bool {
        self.log().contains("Address already in use")
    }

    /// What can be said about its process.
    pub(super) fn evidence(&mut self) -> String {
        let pid = self.child.id();
        match self.child.try_wait() {
            Ok(Some(status)) => format!("process {pid} has ended: {status}"),
            Ok(None) => format!("process {pid} is {}", state(pid)),
            Err(error) => format!("process {pid} cannot be looked at: {error}"),
        }
    }

    fn log(&self) -> String {
        let log = fs::read(&self.recipe.log);
        log.map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    pub(super) fn astray(&self, reason: String) -> ProgramError {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        let log = last.iter().map(|line| format!("\n  {line}")).collect();
        ProgramError::Astray { name: self.recipe.name.clone(), reason, log }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended already cannot be killed again, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts it. It is in a process group of its own, so that a Ctrl-C at the terminal reaches the
/// harness alone; and where `setpriv` is at hand it ends with the harness, however that ends.
fn spawn(recipe: &Recipe) -> Result<Child, EnvironmentError> {
    let io = |source| EnvironmentError::Io { path: recipe.log.clone(), source };
    let output = File::options().create(true).append(true).open(&recipe.log).map_err(io)?;
    let errors = output.try_clone().map_err(io)?;
    let mut command = match which::which("setpriv") {
        Ok(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--", "sh", "-c", UNLESS_ORPHAN, "sh"]);
            command.arg(std::process::id().to_string()).arg(&recipe.binary);
            command
        }
        Err(_) => Command::new(&recipe.binary),
    };
    command
        .args(&recipe.arguments)
        .envs(recipe.variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    command.spawn().map_err(|source| EnvironmentError::Io { path: recipe.binary.clone(), source })
}

/// What the system says about a live process: running, stopped.
fn state(pid: u32) -> &'static str {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    match state.map(|state| state.trim().chars().next()) {
        Some(Some('T')) => "stopped",
        Some(Some('Z')) => "a zombie",
        Some(_) => "running",
        None => "in a state that this system does not tell",
    }
}

/// A port of loopback that nobody listens on.
pub(super) fn free_port() -> Result<u16, EnvironmentError> {
    let io = |source| EnvironmentError::Io { path: PathBuf::from("127.0.0.1"), source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io)?;
    Ok(listener.local_addr().map_err(io)?.port())
}
