//! A proposer in a container: the service `gryadka serve`, out of the harness's own executable.

use super::Ground;
use super::acceptor::keep_log;
use super::container::{self, Container, Spec};
use crate::environment::EnvironmentError;
use crate::environment::serving::{Way, arguments, well};
use std::net::SocketAddr;
use workloads::{FaultKind, Span};

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
        ways: &[Way],
        collect: Span,
    ) -> Result<Self, EnvironmentError> {
        let spec = Spec {
            name: ground.names.proposer(number),
            image: image.to_owned(),
            command: command(ways, collect),
            address: ground.subnet.proposer(number),
            port: PORT,
        };
        let container = ground.start(spec).await?;
        container.up(is_ready).await?;
        Ok(Self { number, container })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.container.address())
    }

    pub(super) async fn inject(&self, fault: FaultKind) -> Result<(), EnvironmentError> {
        if fault == FaultKind::ProposerKill {
            self.container.kill().await?;
        } else if fault == FaultKind::ProposerRestart {
            self.container.stop().await?;
        } else if fault == FaultKind::ProposerPause {
            self.container.pause().await?;
        } else {
            return Err(EnvironmentError::Unable(fault));
        }
        Ok(())
    }

    /// Undoes it, and waits until it answers; whether it finds a quorum is not its own affair.
    pub(super) async fn undo(&self, fault: FaultKind) -> Result<(), EnvironmentError> {
        if fault == FaultKind::ProposerPause {
            self.container.unpause().await?;
        } else if matches!(fault, FaultKind::ProposerKill | FaultKind::ProposerRestart) {
            self.container.start_again().await?;
        } else {
            return Err(EnvironmentError::Unable(fault));
        }
        Ok(self.container.up(lives).await?)
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

fn command(ways: &[Way], collect: Span) -> Vec<String> {
    let mut words = arguments(&format!("0.0.0.0:{PORT}"), ways, collect);
    // The network is the run's own.
    words.extend(["--insecure-no-token", "--insecure-no-tls"].map(String::from));
    words
}

/// Whether the service finds a quorum of acceptors.
async fn is_ready(address: SocketAddr) -> bool {
    well(address, "/readyz").await
}

/// Whether the service answers.
async fn lives(address: SocketAddr) -> bool {
    well(address, "/healthz").await
}
