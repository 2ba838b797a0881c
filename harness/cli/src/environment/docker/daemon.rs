//! Docker's daemon: whether it answers, and what can go wrong with it.

use crate::exit::with_causes;
use bollard::Docker;
use bollard::errors::Error;
use std::net::Ipv4Addr;
use std::time::Duration;
use testcontainers::TestcontainersError;
use testcontainers::core::client::{ClientError, docker_client_instance};
use tokio::time::timeout;

/// A daemon that is there says so within this.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why containers cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DockerError {
    /// There is no daemon, or we may not talk to it.
    #[error(
        "Docker does not answer ({0}); start its daemon, see that this user may use it (group docker), or use --environment process"
    )]
    NoDaemon(String),
    /// An image is not there and cannot be had.
    #[error(
        "the image {image} is not on this machine and cannot be pulled ({reason}); {ways}, or use --environment process"
    )]
    NoImage {
        /// The image.
        image: String,
        /// What the daemon said.
        reason: String,
        /// What the user can do.
        ways: &'static str,
    },
    /// An image lacks the program that is to run in it.
    #[error(
        "the image {image} has no {program}; name one that has (--image; docker images), or leave --image out for redis:8"
    )]
    NoProgram {
        /// The image.
        image: String,
        /// The program.
        program: String,
    },
    /// The image of the harness's own executable cannot be made.
    #[error("the image of the harness's own executable cannot be made: {0}")]
    OwnImage(String),
    /// No subnet was free.
    #[error(
        "Docker takes none of the subnets 10.213.0.0/24 to 10.213.255.0/24 (the last time: {0}); remove networks that nobody needs (docker network ls, harness heal)"
    )]
    NoSubnet(String),
    /// There are no more addresses and ports for acceptors.
    #[error("there can be no more than {0} acceptors in one run with containers")]
    TooMany(u32),
    /// Containers are reached by their addresses on the bridge, and this one is not.
    #[error(
        "container {name} runs, but {address} cannot be reached from here: the harness must run on the machine whose containers these are (no Docker Desktop, no remote daemon), or use --environment process"
    )]
    Unreachable {
        /// The container.
        name: String,
        /// Its address on the bridge.
        address: Ipv4Addr,
    },
    /// A container does not get into the state that it should be in.
    #[error("container {name} {reason}{log}")]
    Container {
        /// Which.
        name: String,
        /// What was seen.
        reason: String,
        /// The last lines that it wrote, each on a line of its own.
        log: String,
    },
    /// The daemon refused something.
    #[error("Docker could not {what}: {source}")]
    Call {
        /// What was asked of it.
        what: String,
        /// What it said.
        source: Error,
    },
    /// The same, asked through testcontainers.
    #[error("Docker could not {what}: {source}")]
    Testcontainers {
        /// What was asked of it.
        what: String,
        /// What it said.
        source: Box<TestcontainersError>,
    },
}

impl DockerError {
    /// Whether the user can mend it, by asking for something else or by setting the machine up.
    pub(crate) const fn is_of_user(&self) -> bool {
        match self {
            Self::NoDaemon(_)
            | Self::NoImage { .. }
            | Self::NoProgram { .. }
            | Self::NoSubnet(_)
            | Self::TooMany(_)
            | Self::Unreachable { .. } => true,
            Self::OwnImage(_)
            | Self::Container { .. }
            | Self::Call { .. }
            | Self::Testcontainers { .. } => false,
        }
    }

    /// For `map_err`: what was asked of the daemon.
    pub(crate) fn call(what: impl Into<String>) -> impl FnOnce(Error) -> Self {
        let what = what.into();
        move |source| Self::Call { what, source }
    }
}

/// The daemon that testcontainers uses too, and its version.
///
/// # Errors
/// [`DockerError::NoDaemon`], with the reason.
pub(crate) async fn connect() -> Result<(Docker, String), DockerError> {
    let no = |error: ClientError| DockerError::NoDaemon(error.to_string());
    let docker = docker_client_instance().await.map_err(no)?;
    let version = match timeout(PATIENCE, docker.version()).await {
        Err(_) => {
            return Err(DockerError::NoDaemon(format!("no answer in {} s", PATIENCE.as_secs())));
        }
        Ok(Err(error)) => return Err(DockerError::NoDaemon(reason(&error))),
        Ok(Ok(version)) => version.version.unwrap_or_else(|| String::from("unknown")),
    };
    Ok((docker, version))
}

/// An error with its causes: what the daemon's client says alone is seldom the reason.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    with_causes(error)
}

/// The status with which the daemon refused.
pub(crate) const fn status(error: &Error) -> Option<u16> {
    if let Error::DockerResponseServerError { status_code, .. } = error {
        Some(*status_code)
    } else {
        None
    }
}

/// Takes "there is no such thing" and "it is so already" for success.
pub(crate) fn unless_gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if matches!(status(&error), Some(304 | 404)) => Ok(()),
        other => other,
    }
}
