//! Acceptors that are not there yet: services and servers are often started at the same time.

use crate::command::print;
use crate::exit::Failure;
use crate::redaction::without_logins;
use gryadka::{BootstrapError, ConnectError, ConnectOptions, Gryadka};
use std::time::Duration;
use tokio::time::Instant;

/// The wait before acceptors are asked again.
const AGAIN: Duration = Duration::from_millis(250);

/// Becomes a proposer of the cluster, as soon as it is there; with the last obstacle when it is not
/// there in time.
pub(crate) async fn connect(
    options: ConnectOptions,
    patience: Duration,
) -> Result<Gryadka, Failure> {
    let deadline = Instant::now() + patience;
    let mut said = String::new();
    loop {
        let error = match Gryadka::connect(options.clone()).await {
            Ok(gryadka) => return Ok(gryadka),
            Err(error) => error,
        };
        if !may_pass(&error) || Instant::now() + AGAIN >= deadline {
            return Err(error.into());
        }
        let reason = without_logins(&error.to_string());
        if reason != said {
            print::note(&format!("gryadka: waiting for the acceptors: {reason}"))?;
            said = reason;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether an obstacle may go away by itself.
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
        | ConnectError::Bootstrap(BootstrapError::Directory(_)) => false,
    }
}
