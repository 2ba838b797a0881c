//! Real servers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A `redis-server` on a free port of loopback.
pub(crate) struct Redis {
    pub(crate) url: String,
    child: Child,
    _directory: TempDir,
}

impl Redis {
    pub(crate) fn start(settings: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(directory.path())
            .args(settings)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("redis://127.0.0.1:{port}");
        let mut redis = Self { url, child, _directory: directory };
        while redis.says("PING").is_none_or(|said| !said.starts_with("+PONG")) {
            assert!(redis.child.try_wait().unwrap().is_none(), "redis-server ended at once");
            std::thread::sleep(Duration::from_millis(10));
        }
        redis
    }

    /// Demands this password from now on, in place of the one before.
    pub(crate) fn lock(&self, before: &str, password: &str) {
        let said = self.after(&format!("AUTH {before}\r\nCONFIG SET requirepass {password}"));
        assert!(said.ends_with("+OK\r\n+OK\r\n"), "{said}");
    }

    /// All that it stores of its cluster.
    pub(crate) fn stored(&self, password: &str) -> String {
        self.after(&format!("AUTH {password}\r\nHGETALL gryadka:!"))
    }

    /// Everything that it answers to commands.
    fn after(&self, commands: &str) -> String {
        let mut stream = TcpStream::connect(self.place()).unwrap();
        stream.write_all(format!("{commands}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    }

    /// Host and port.
    pub(crate) fn place(&self) -> &str {
        self.url.strip_prefix("redis://").unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// What it answers to a command, as far as it comes at once.
    pub(crate) fn says(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.place()).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
