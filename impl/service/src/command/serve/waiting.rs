//! Waiting for acceptors that do not answer yet: services and servers are often started together.

use crate::command::print;
use crate::exit::Failure;
use gryadka::{BootstrapError, ConnectError, ConnectOptions, Gryadka, redacted};
use std::time::Duration;
use tokio::time::Instant;

/// The wait before acceptors are asked again.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Becomes a proposer of the cluster as soon as that is possible, or answers the last error.
pub(crate) async fn connect(
    options: ConnectOptions,
    timeout: Duration,
) -> Result<Gryadka, Failure> {
    let deadline = Instant::now() + timeout;
    let mut said = String::new();
    loop {
        let error = match Gryadka::connect(options.clone()).await {
            Ok(gryadka) => return Ok(gryadka),
            Err(error) => error,
        };
        if !may_pass(&error) || Instant::now() + RETRY_DELAY >= deadline {
            return Err(error.into());
        }
        let reason = redacted(&error.to_string());
        if reason != said {
            print::note(&format!("gryadka: waiting for the acceptors: {reason}"))?;
            said = reason;
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// Whether an error may go away by itself.
const fn may_pass(error: &ConnectError) -> bool {
    match error {
        ConnectError::NoCluster(_)
        | ConnectError::Bootstrap(
            BootstrapError::Acceptor { .. }
            | BootstrapError::Taken { .. }
            | BootstrapError::Moved { .. },
        ) => true,
        ConnectError::NoAcceptors
        | ConnectError::Twice(_)
        | ConnectError::Directory(_)
        | ConnectError::Address(_)
        | ConnectError::Limits(_)
        | ConnectError::ClusterConfig(_)
        | ConnectError::Credentials(_)
        | ConnectError::Bootstrap(BootstrapError::Directory(_)) => false,
    }
}
