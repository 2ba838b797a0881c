//! A real Redis server for a test, gone when the test is over.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A `redis-server` on a free port of loopback, in a directory of its own.
pub(crate) struct Redis {
    /// How everything may be asked of it.
    pub(crate) address: String,
    pub(crate) port: u16,
    settings: Vec<String>,
    directory: TempDir,
    child: Child,
    restarts: usize,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With more settings on its command line.
    pub(crate) fn with(settings: &[&str]) -> Self {
        let port = free_port();
        let settings: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let directory = tempfile::tempdir().unwrap();
        let child = spawn(port, &directory, &settings);
        let address = format!("redis://127.0.0.1:{port}");
        let mut redis = Self { address, port, settings, directory, child, restarts: 0 };
        redis.wait();
        redis
    }

    /// Kills the server and starts it again on what it had written.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// How often it was started again.
    pub(crate) const fn restarts(&self) -> usize {
        self.restarts
    }

    /// Kills the server.
    pub(crate) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts a server that was stopped on what it had written.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.port, &self.directory, &self.settings);
        self.restarts += 1;
        self.wait();
    }

    /// Executes one command, its words separated by spaces, on a connection of its own.
    pub(crate) fn execute(&self, command: &str) -> redis::Value {
        self.words(&command.split(' ').collect::<Vec<_>>())
    }

    /// Executes one command on a connection of its own.
    pub(crate) fn words(&self, words: &[&str]) -> redis::Value {
        let mut command = redis::cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(word);
        });
        let client = redis::Client::open(self.address.as_str()).unwrap();
        command.query(&mut client.get_connection().unwrap()).unwrap()
    }

    /// Whether its `INFO` has this line.
    pub(crate) fn fact(&self, line: &str) -> bool {
        let info: String = redis::from_redis_value(self.execute("INFO")).unwrap();
        info.lines().any(|own| own == line)
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn wait(&mut self) {
        let client = redis::Client::open(self.address.as_str()).unwrap();
        for _ in 0..200 {
            let ping = client
                .get_connection()
                .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
            if ping.is_ok() {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "redis-server ended at once");
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("redis-server does not answer");
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(port: u16, directory: &TempDir, settings: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always"])
        .arg("--dir")
        .arg(directory.path())
        .args(settings)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server must be installed: apt-get install redis-server")
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
