//! An acceptor's standing, carried over into an empty server: what nobody may do, and what a store
//! that does not guard its members would not notice.

use super::EnvironmentError;
use gryadka::{Acceptor, AddressError, Bytes, Lost, RemoteAcceptor, Standing as Place};
use std::time::Duration;
use tokio::time::timeout;

/// How long an acceptor may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a standing could not be carried over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StandingError {
    /// The acceptor's address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The acceptor did not do what it was asked.
    #[error("the standing of {url} cannot be carried over: {reason}")]
    Lost {
        /// The acceptor.
        url: String,
        /// What it said.
        reason: String,
    },
}

/// The place of an acceptor in its cluster, and the document that it was told.
pub(super) struct Standing {
    place: Place,
    document: Bytes,
}

/// The standing that an acceptor has; none when it belongs to no cluster.
pub(super) async fn take(url: &str) -> Result<Option<Standing>, StandingError> {
    let acceptor = RemoteAcceptor::open(url, &gryadka::Access::default())?;
    let status = patiently(url, acceptor.status()).await?;
    Ok(status.standing.map(|place| Standing { place, document: status.document }))
}

/// Gives an empty acceptor that standing, and nothing else.
async fn give(url: &str, standing: Standing) -> Result<(), StandingError> {
    let acceptor = RemoteAcceptor::open(url, &gryadka::Access::default())?;
    patiently(url, acceptor.admit(standing.place, standing.document)).await
}

/// Wipes the server at that url by `wiping`, and leaves it its standing, as if nobody guarded.
pub(super) async fn kept(
    url: &str,
    wiping: impl Future<Output = Result<(), EnvironmentError>>,
) -> Result<(), EnvironmentError> {
    let standing = take(url).await?;
    wiping.await?;
    match standing {
        Some(standing) => Ok(give(url, standing).await?),
        None => Ok(()),
    }
}

async fn patiently<T>(
    url: &str,
    asking: impl Future<Output = Result<T, Lost>>,
) -> Result<T, StandingError> {
    let lost = |reason| StandingError::Lost { url: url.to_owned(), reason };
    match timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(|error| lost(error.to_string())),
        Err(_) => Err(lost(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}
