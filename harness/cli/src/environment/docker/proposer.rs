//! A proposer in a container: the service `gryadka serve`, out of the harness's own executable.

use super::Ground;
use super::acceptor::keep_log;
use super::container::{self, Container, Spec};
use crate::environment::EnvironmentError;
use crate::probe;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use workloads::FaultKind;

/// Where the service listens.
const PORT: u16 = 7480;

/// A proposer.
pub(super) struct Proposer {
    number: u32,
    container: Container,
}

impl Proposer {
    /// Starts one that goes these ways to its acceptors, and waits until it is ready.
    pub(super) async fn start(
        ground: &Ground,
        image: &str,
        number: u32,
        acceptors: &[String],
        routes: &[(String, String)],
    ) -> Result<Self, EnvironmentError> {
        let spec = Spec {
            name: ground.names.proposer(number),
            image: image.to_owned(),
            command: command(acceptors, routes),
            address: ground.subnet.proposer(number),
            port: PORT,
        };
        let container = ground.start(spec).await?;
        container.up(is_ready).await?;
        Ok(Self { number, container })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.container.address()
    }

    pub(super) async fn strike(&self, fault: FaultKind) -> Result<(), EnvironmentError> {
        match fault {
            FaultKind::ProposerKill => Ok(self.container.kill().await?),
            FaultKind::ProposerRestart => Ok(self.container.stop().await?),
            FaultKind::ProposerPause => Ok(self.container.pause().await?),
            other => Err(EnvironmentError::Unable(other)),
        }
    }

    pub(super) async fn undo(&self, fault: FaultKind) -> Result<(), EnvironmentError> {
        match fault {
            FaultKind::ProposerKill | FaultKind::ProposerRestart => {
                self.container.start_again().await?;
            }
            FaultKind::ProposerPause => self.container.unpause().await?,
            other => return Err(EnvironmentError::Unable(other)),
        }
        Ok(self.container.up(is_ready).await?)
    }

    /// It must not have ended by itself.
    pub(super) async fn all_there(&self) -> Result<(), EnvironmentError> {
        Ok(self.container.runs().await?)
    }

    pub(super) async fn evidence(&self) -> String {
        let state = self.container.state().await;
        let state = state.map_or_else(|error| error.to_string(), |state| container::words(&state));
        format!("container {}: {state}", self.container.name())
    }

    pub(super) async fn end(self, ground: &Ground) -> Result<(), EnvironmentError> {
        keep_log(ground, &format!("p{}", self.number), &self.container).await?;
        Ok(self.container.remove().await?)
    }
}

fn command(acceptors: &[String], routes: &[(String, String)]) -> Vec<String> {
    let listen = format!("0.0.0.0:{PORT}");
    let mut words = vec![
        String::from("gryadka"),
        String::from("serve"),
        // The network is the run's own.
        String::from("--insecure-no-token"),
        String::from("--insecure-no-tls"),
        String::from("--listen"),
        listen,
        String::from("--acceptors"),
        acceptors.join(","),
    ];
    for (from, to) in routes {
        words.extend([String::from("--route"), format!("{from}={to}")]);
    }
    words
}

/// Whether the service says that it is ready.
async fn is_ready(address: SocketAddr) -> bool {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: proposer\r\n\r\n").await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer.ends_with(b" 200"))
    };
    timeout(probe::PATIENCE, asking).await.is_ok_and(|asked| asked.unwrap_or(false))
}
