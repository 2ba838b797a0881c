//! An acceptor's state, carried over into an empty server: what nobody may do, and what a store
//! that does not guard its members would not notice.

use super::EnvironmentError;
use gryadka::{
    Acceptor, AcceptorState as Place, AddressError, Bytes, RemoteAcceptor, RequestError,
};
use std::time::Duration;
use tokio::time::timeout;

/// How long an acceptor may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a state could not be carried over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StandingError {
    /// The acceptor's address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The acceptor did not do what it was asked.
    #[error("the state of {url} cannot be carried over: {reason}")]
    RequestError {
        /// The acceptor.
        url: String,
        /// What it said.
        reason: String,
    },
}

/// The place of an acceptor in its cluster, and the document that it was told.
pub(super) struct AcceptorState {
    place: Place,
    document: Bytes,
}

/// The state that an acceptor has; none when it belongs to no cluster.
pub(super) async fn take(url: &str) -> Result<Option<AcceptorState>, StandingError> {
    let acceptor = RemoteAcceptor::open(url, &gryadka::Access::default())?;
    let status = patiently(url, acceptor.status()).await?;
    Ok(status.state.map(|place| AcceptorState { place, document: status.config }))
}

/// Gives an empty acceptor that state, and nothing else.
async fn give(url: &str, state: AcceptorState) -> Result<(), StandingError> {
    let acceptor = RemoteAcceptor::open(url, &gryadka::Access::default())?;
    patiently(url, acceptor.admit(state.place, state.document, 0)).await
}

/// Wipes the server at that url by `wiping`, and leaves it its state, as if nobody guarded.
pub(super) async fn kept(
    url: &str,
    wiping: impl Future<Output = Result<(), EnvironmentError>>,
) -> Result<(), EnvironmentError> {
    let state = take(url).await?;
    wiping.await?;
    match state {
        Some(state) => Ok(give(url, state).await?),
        None => Ok(()),
    }
}

async fn patiently<T>(
    url: &str,
    asking: impl Future<Output = Result<T, RequestError>>,
) -> Result<T, StandingError> {
    let lost = |reason| StandingError::RequestError { url: url.to_owned(), reason };
    match timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(|error| lost(error.to_string())),
        Err(_) => Err(lost(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}
