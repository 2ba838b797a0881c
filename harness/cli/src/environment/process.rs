//! Local Redis servers on loopback, each in a directory of its own, with every write synced.

use super::EnvironmentError;
use crate::probe;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;
use workloads::FaultKind;

/// What can be done to these servers, and to the links to them.
pub(super) const ABLE: &[FaultKind] = &[
    FaultKind::Cut,
    FaultKind::Blackhole,
    FaultKind::OneWay,
    FaultKind::Latency,
    FaultKind::Loss,
    FaultKind::Restart,
    FaultKind::Kill,
    FaultKind::Pause,
    FaultKind::Membership,
];

/// How long a server may take to come up, or to go in good order.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many free ports are tried before giving up: another program may be quicker.
const PORT_TRIES: u32 = 3;
/// Lines of a server's log that an error shows.
const LOG_LINES: usize = 12;

/// Redis servers. All end with this value, whatever state they are in.
pub(crate) struct Process {
    servers: Vec<Server>,
    binary: PathBuf,
    logs: PathBuf,
}

struct Server {
    acceptor: u32,
    port: u16,
    binary: PathBuf,
    data: TempDir,
    log: PathBuf,
    child: Child,
    /// Whether it was ended for good.
    ended: bool,
}

/// The server's binary, if this machine has one.
pub(crate) fn server() -> Option<PathBuf> {
    which::which("redis-server").ok()
}

impl Process {
    pub(crate) fn new(logs: &Path) -> Result<Self, EnvironmentError> {
        let binary = server().ok_or(EnvironmentError::NoRedis)?;
        fs::create_dir_all(logs)
            .map_err(|source| EnvironmentError::Io { path: logs.to_owned(), source })?;
        Ok(Self { servers: Vec::new(), binary, logs: logs.to_owned() })
    }

    /// Starts one more, and answers its number.
    pub(crate) async fn add(&mut self) -> Result<u32, EnvironmentError> {
        let number = u32::try_from(self.servers.len() + 1).unwrap_or(u32::MAX);
        self.servers.push(Server::start(number, &self.binary, &self.logs).await?);
        Ok(number)
    }

    /// Ends one for good, unless it has ended already.
    pub(crate) async fn end(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        let server = &mut self.servers[acceptor as usize - 1];
        if server.ended {
            return Ok(());
        }
        server.signal(Signal::SIGKILL)?;
        server.ended = true;
        server.gone().await
    }

    /// Kills one and starts it again at the same port with an empty directory.
    pub(crate) async fn wipe(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        let server = &mut self.servers[acceptor as usize - 1];
        server.signal(Signal::SIGKILL)?;
        server.gone().await?;
        server.data = data()?;
        server.start_again().await
    }

    pub(crate) fn address(&self, acceptor: u32) -> SocketAddr {
        self.servers[acceptor as usize - 1].address()
    }

    pub(crate) fn version(&self) -> String {
        let output = Command::new(&self.binary).arg("--version").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let version = text.ok().and_then(|text| {
            text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map(str::to_owned)
        });
        version.unwrap_or_else(|| String::from("unknown"))
    }

    pub(crate) async fn strike(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        let server = &mut self.servers[acceptor as usize - 1];
        match fault {
            FaultKind::Kill => {
                server.signal(Signal::SIGKILL)?;
                server.gone().await
            }
            FaultKind::Restart => {
                server.signal(Signal::SIGTERM)?;
                server.gone().await
            }
            FaultKind::Pause => server.signal(Signal::SIGSTOP),
            _ => Err(EnvironmentError::Unable(fault)),
        }
    }

    pub(crate) async fn undo(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        let server = &mut self.servers[acceptor as usize - 1];
        match fault {
            FaultKind::Kill | FaultKind::Restart => server.start_again().await,
            FaultKind::Pause => server.signal(Signal::SIGCONT),
            _ => Err(EnvironmentError::Unable(fault)),
        }
    }

    pub(crate) fn all_there(&mut self) -> Result<(), EnvironmentError> {
        self.servers.iter_mut().filter(|server| !server.ended).try_for_each(Server::there)
    }

    pub(crate) fn evidence(&mut self, acceptor: u32) -> String {
        let server = &mut self.servers[acceptor as usize - 1];
        let pid = server.child.id();
        match server.child.try_wait() {
            Ok(Some(status)) => format!("process {pid} has ended: {status}"),
            Ok(None) => format!("process {pid} is {}", state(pid)),
            Err(error) => format!("process {pid} cannot be looked at: {error}"),
        }
    }
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

impl Server {
    async fn start(acceptor: u32, binary: &Path, logs: &Path) -> Result<Self, EnvironmentError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut server = Self::spawn(acceptor, binary, logs)?;
            match server.up().await {
                Ok(()) => return Ok(server),
                Err(_) if tries < PORT_TRIES && server.log().contains("Address already in use") => {
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn(acceptor: u32, binary: &Path, logs: &Path) -> Result<Self, EnvironmentError> {
        let io = |source| EnvironmentError::Io { path: PathBuf::from("127.0.0.1"), source };
        let data = data()?;
        let log = logs.join(format!("a{acceptor}.log"));
        let port = free_port().map_err(io)?;
        let child = spawn(binary, port, data.path(), &log)?;
        Ok(Self { acceptor, ended: false, port, binary: binary.to_owned(), data, log, child })
    }

    /// Starts it again on what lies in its directory.
    async fn start_again(&mut self) -> Result<(), EnvironmentError> {
        self.child = spawn(&self.binary, self.port, self.data.path(), &self.log)?;
        self.up().await
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// It must not have ended by itself.
    fn there(&mut self) -> Result<(), EnvironmentError> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(self.not_up(format!("it ended by itself ({status})"))),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    fn signal(&mut self, signal: Signal) -> Result<(), EnvironmentError> {
        // A process that has ended is waited for above, and its number may be another's by now.
        self.there()?;
        let error = |source| EnvironmentError::Signal {
            acceptor: self.acceptor,
            signal: signal.as_str(),
            source,
        };
        let pid = i32::try_from(self.child.id()).map_err(|_| error(nix::Error::EINVAL))?;
        kill(Pid::from_raw(pid), signal).map_err(error)
    }

    /// Waits until it answers.
    async fn up(&mut self) -> Result<(), EnvironmentError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.not_up(format!("it ended at once ({status})")));
            }
            // Another program may have been quicker to take the port.
            if probe::process_id(self.address()).await == Some(self.child.id()) {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(self.not_up(format!("no answer within {} s", PATIENCE.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until its process has ended.
    async fn gone(&mut self) -> Result<(), EnvironmentError> {
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= until {
                return Err(self.not_up(String::from("it does not end")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn log(&self) -> String {
        fs::read(&self.log)
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    fn not_up(&self, reason: String) -> EnvironmentError {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        let log = last.iter().map(|line| format!("\n  {line}")).collect();
        EnvironmentError::NotUp { acceptor: self.acceptor, reason, log }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended already cannot be killed again, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn data() -> Result<TempDir, EnvironmentError> {
    TempDir::with_prefix("harness-redis-")
        .map_err(|source| EnvironmentError::Io { path: std::env::temp_dir(), source })
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Starts a server. It is in a process group of its own, so that a Ctrl-C at the terminal reaches
/// the harness alone; and where `setpriv` is at hand it ends with the harness, however that ends.
fn spawn(binary: &Path, port: u16, data: &Path, log: &Path) -> Result<Child, EnvironmentError> {
    let io = |source| EnvironmentError::Io { path: log.to_owned(), source };
    let output = File::options().create(true).append(true).open(log).map_err(io)?;
    let errors = output.try_clone().map_err(io)?;
    let mut command = match which::which("setpriv") {
        Ok(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
            command
        }
        Err(_) => Command::new(binary),
    };
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(data)
        .args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
        .args(["--daemonize", "no", "--protected-mode", "yes"])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    command.spawn().map_err(|source| EnvironmentError::Io { path: binary.to_owned(), source })
}
