//! A real Redis server for a test, gone when the test is over.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A `redis-server` on a free port of loopback, in a directory of its own.
pub(crate) struct Redis {
    pub(crate) address: String,
    port: u16,
    directory: TempDir,
    child: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let child = spawn(port, &directory);
        let mut redis =
            Self { address: format!("redis://127.0.0.1:{port}"), port, directory, child };
        redis.wait();
        redis
    }

    /// Kills the server and starts it again on what it had written.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(self.port, &self.directory);
        self.wait();
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

fn spawn(port: u16, directory: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always"])
        .arg("--dir")
        .arg(directory.path())
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
