//! The servers that are measured: private ones, which end with the run, or given ones.

use crate::meter::Costs;
use crate::{BenchError, Fsync, Options, resp};
use gryadka::redacted;
use redis::{ConnectionAddr, ConnectionInfo, InfoDict, IntoConnectionInfo};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to come up, or to answer a question beside the measurements.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How many keys one `SCAN` of a given server looks at when the benchmark removes its own.
const KEYS_PER_SCAN: u32 = 1_000;

/// All servers of a run.
pub(crate) struct Servers {
    members: Vec<Server>,
    given: bool,
}

/// One server, and the connection that asks it about itself.
pub(crate) struct Server {
    url: String,
    address: SocketAddr,
    login: Option<Vec<u8>>,
    control: redis::Connection,
    /// Declared last, so that the connection is closed before its server ends.
    _process: Option<Process>,
}

/// A private server. Ends with this value.
struct Process {
    child: Child,
    _directory: TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        // A server that has ended already cannot be killed again; that error is ignored.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Servers {
    /// Starts the servers that the options ask for, or connects to those that they name.
    pub(crate) fn of(options: &Options) -> Result<Self, BenchError> {
        let given = !options.urls.is_empty();
        let members: Result<Vec<_>, _> = if given {
            options.urls.iter().map(|url| Server::connect(url)).collect()
        } else {
            (0..options.acceptors).map(|_| Server::start(options.fsync)).collect()
        };
        members.map(|members| Self { members, given })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Server> {
        self.members.iter()
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.members.iter().map(|server| server.url.clone()).collect()
    }

    pub(crate) const fn count(&self) -> usize {
        self.members.len()
    }

    /// What the servers run: `Redis 7.0.15`.
    pub(crate) fn version(&mut self) -> Result<String, BenchError> {
        let Some(server) = self.members.first_mut() else { return Ok(String::new()) };
        let info = server.info("server")?;
        let version: Option<String> = info.get("valkey_version");
        Ok(match version {
            Some(version) => format!("Valkey {version}"),
            None => format!("Redis {}", info.get::<String>("redis_version").unwrap_or_default()),
        })
    }

    /// The processor time of all servers, and the time spent in scripts, since they began.
    pub(crate) fn costs(&mut self) -> Result<Costs, BenchError> {
        let mut sum = Costs::default();
        for server in &mut self.members {
            sum.add(server.costs()?);
        }
        Ok(sum)
    }

    /// Bytes that each server's data and connections take, in order.
    pub(crate) fn used_memory(&mut self) -> Result<Vec<u64>, BenchError> {
        let used = |server: &mut Server| Ok(server.info("memory")?.get("used_memory").unwrap_or(0));
        self.members.iter_mut().map(used).collect()
    }

    /// Keys of all servers together.
    pub(crate) fn keys(&mut self) -> Result<u64, BenchError> {
        self.members.iter_mut().map(|server| server.ask::<u64>("DBSIZE", &[])).sum()
    }

    /// Loads a script at every server.
    pub(crate) fn load(&mut self, script: &str) -> Result<(), BenchError> {
        self.members
            .iter_mut()
            .try_for_each(|server| server.ask::<String>("SCRIPT", &["LOAD", script]).map(drop))
    }

    /// Removes every key that begins so from servers that outlive the run.
    pub(crate) fn sweep(&mut self, prefix: &str) -> Result<(), BenchError> {
        if self.given {
            self.members.iter_mut().try_for_each(|server| server.sweep(prefix))?;
        }
        Ok(())
    }
}

impl Server {
    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The command that authenticates a connection, if the server demands a password.
    pub(crate) fn login(&self) -> Option<Vec<u8>> {
        self.login.clone()
    }

    /// Starts a server on a free port of loopback, in a directory of its own.
    fn start(fsync: Option<Fsync>) -> Result<Self, BenchError> {
        let binary = which::which("redis-server").map_err(|_| BenchError::NoRedis)?;
        let failed = |source| BenchError::Start { binary: binary.clone(), source };
        let directory = TempDir::with_prefix("gryadka-bench-").map_err(failed)?;
        let address =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
        let address = address.map_err(failed)?;
        let child = spawn(&binary, address, directory.path(), fsync).map_err(failed)?;
        let mut process = Process { child, _directory: directory };
        let url = format!("redis://{address}");
        let until = Instant::now() + ANSWER_TIMEOUT;
        loop {
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(BenchError::NotUp { address, reason: status.to_string() });
            }
            let reason = match Self::connect(&url) {
                Ok(mut server) => {
                    if server.process_id()? == Some(process.child.id()) {
                        return Ok(Self { _process: Some(process), ..server });
                    }
                    // Another program has taken the port first.
                    String::from("another server answers there")
                }
                Err(error) => error.to_string(),
            };
            if Instant::now() >= until {
                return Err(BenchError::NotUp { address, reason });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn connect(url: &str) -> Result<Self, BenchError> {
        let wrong = |reason: String| BenchError::Address { url: without_login(url), reason };
        let info = url.into_connection_info().map_err(|error| wrong(error.to_string()))?;
        let ConnectionAddr::Tcp(host, port) = info.addr().clone() else {
            return Err(wrong(String::from("a bare client speaks plain TCP only")));
        };
        let mut found = (host, port).to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
        let address = found.next().ok_or_else(|| wrong(String::from("no such host")))?;
        let login = login(&info);
        let control = connected(info).map_err(|source| BenchError::Control {
            address,
            command: "PING",
            source,
        })?;
        Ok(Self { url: url.to_owned(), address, login, control, _process: None })
    }

    fn process_id(&mut self) -> Result<Option<u32>, BenchError> {
        Ok(self.info("server")?.get("process_id"))
    }

    fn info(&mut self, section: &str) -> Result<InfoDict, BenchError> {
        self.ask("INFO", &[section])
    }

    fn ask<T: redis::FromRedisValue>(
        &mut self,
        command: &'static str,
        arguments: &[&str],
    ) -> Result<T, BenchError> {
        let address = self.address;
        let answer = redis::cmd(command).arg(arguments).query(&mut self.control);
        answer.map_err(|source| BenchError::Control { address, command, source })
    }

    fn costs(&mut self) -> Result<Costs, BenchError> {
        let cpu = self.info("cpu")?;
        let parts = ["used_cpu_user", "used_cpu_sys"]
            .into_iter()
            .chain(["used_cpu_user_children", "used_cpu_sys_children"]);
        let seconds: f64 = parts.filter_map(|name| cpu.get::<f64>(name)).sum();
        let servers = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let commands = self.info("commandstats")?;
        let line: String = commands.get("cmdstat_evalsha").unwrap_or_default();
        let in_scripts = Duration::from_micros(field(&line, "usec"));
        Ok(Costs { own: Duration::ZERO, servers, scripts: field(&line, "calls"), in_scripts })
    }

    fn sweep(&mut self, prefix: &str) -> Result<(), BenchError> {
        let pattern = format!("{prefix}*");
        let mut cursor = String::from("0");
        loop {
            let count = KEYS_PER_SCAN.to_string();
            let page: (String, Vec<Vec<u8>>) =
                self.ask("SCAN", &[&cursor, "MATCH", &pattern, "COUNT", &count])?;
            if !page.1.is_empty() {
                let unlink = redis::cmd("UNLINK").arg(&page.1).query::<u64>(&mut self.control);
                let (address, command) = (self.address, "UNLINK");
                unlink.map_err(|source| BenchError::Control { address, command, source })?;
            }
            if page.0 == "0" {
                return Ok(());
            }
            cursor = page.0;
        }
    }
}

fn connected(info: ConnectionInfo) -> Result<redis::Connection, redis::RedisError> {
    let connection = redis::Client::open(info)?.get_connection_with_timeout(ANSWER_TIMEOUT)?;
    connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    Ok(connection)
}

/// A server's URL without its login. The library's redactor recognises a login by the scheme before it,
/// so a URL without a scheme is given one for that.
fn without_login(url: &str) -> String {
    const SCHEME: &str = "redis://";
    if url.contains("://") {
        return redacted(url);
    }
    redacted(&format!("{SCHEME}{url}")).replacen(SCHEME, "", 1)
}

fn login(info: &ConnectionInfo) -> Option<Vec<u8>> {
    let settings = info.redis_settings();
    let password = settings.password()?.as_bytes();
    Some(match settings.username() {
        Some(user) => resp::command(&[b"AUTH", user.as_bytes(), password]),
        None => resp::command(&[b"AUTH", password]),
    })
}

/// One number of a line of `INFO commandstats`: `calls=3,usec=24,usec_per_call=8.00,…`.
fn field(line: &str, name: &str) -> u64 {
    let pairs = line.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok()).unwrap_or(0)
}

/// Starts the program. Where `setpriv` is at hand the server ends with the benchmark even if that
/// is killed; and it is in a process group of its own, so that Ctrl-C reaches the benchmark first.
fn spawn(
    binary: &Path,
    address: SocketAddr,
    directory: &Path,
    fsync: Option<Fsync>,
) -> Result<Child, std::io::Error> {
    use std::os::unix::process::CommandExt;
    let mut command = match which::which("setpriv") {
        Ok(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
            command
        }
        Err(_) => Command::new(binary),
    };
    command.args(["--bind", "127.0.0.1", "--save", "", "--port", &address.port().to_string()]);
    command.arg("--dir").arg(directory);
    command.args(match fsync {
        Some(fsync) => ["--appendonly", "yes", "--appendfsync", fsync.word()],
        None => ["--appendonly", "no", "--appendfsync", "no"],
    });
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_login("redis://user:pa@ss@host:1"), "redis://host:1");
        assert_eq!(without_login("user:pass@host"), "host");
        assert_eq!(without_login("redis://host:1"), "redis://host:1");
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let line = "calls=3,usec=24,usec_per_call=8.00,rejected_calls=0";
        assert_eq!((field(line, "calls"), field(line, "usec"), field(line, "none")), (3, 24, 0));
        assert_eq!(field("", "calls"), 0);
    }
}
