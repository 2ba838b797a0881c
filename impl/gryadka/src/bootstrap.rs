//! A new cluster out of servers that belong to none.
//!
//! First every acceptor is given its place, in epoch 0, in which nobody votes. Only when all have
//! theirs are they told of epoch 1. So an acceptor without a place beside one that is past epoch 0
//! has lost its memory, and is not given its old place again: that would make it forget its promises.

use crate::cluster_config::ClusterConfig;
use crate::directory::{Directory, DirectoryError, Found};
use crate::{Acceptor, RequestError};
use bytes::Bytes;
use caspaxos::AcceptorState;

/// Why a cluster could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The addresses or a config cannot be understood.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// An acceptor did not do what it was asked for. Asking for the same again is safe.
    #[error("{address}: {lost}")]
    Acceptor {
        /// Its address.
        address: String,
        /// What became of it.
        lost: RequestError,
    },
    /// An acceptor votes in a cluster, of which nothing more can be learnt now.
    #[error("{address} belongs to a cluster already, whose config cannot be had now; try again")]
    Taken {
        /// Its address.
        address: String,
    },
}

/// Makes a cluster of the acceptors at these addresses, or finds that it is there already. For a new
/// one all of them must be reachable, and none may have begun to vote; what they held under the
/// prefix before is erased.
pub(crate) async fn bootstrap<A: Acceptor>(
    directory: &Directory<A>,
    addresses: &[String],
    cluster: u64,
) -> Result<ClusterConfig, BootstrapError> {
    let found = directory.ask(addresses).await.map_err(DirectoryError::from)?;
    let votes = |found: &Found<A>| {
        let state = found.status.as_ref().ok().and_then(|status| status.state);
        state.is_some_and(|state| state.epoch > 0)
    };
    if let Some(voter) = found.iter().find(|found| votes(found)) {
        let taken = || BootstrapError::Taken { address: voter.address.clone() };
        let config = directory.newest(addresses, None).await?.ok_or_else(taken)?;
        finish(&config, &found).await?;
        return Ok(config);
    }
    let config = ClusterConfig::first(cluster, addresses).map_err(DirectoryError::from)?;
    for (id, found) in (1_u32..).zip(&found) {
        give_place(&config, id, found).await.map_err(|lost| error(found, lost))?;
    }
    for (id, found) in (1_u32..).zip(&found) {
        let told = found.acceptor.set_epoch(config.identity(id), 1, config.bytes());
        told.await.map_err(|lost| error(found, lost))?;
    }
    Ok(config)
}

fn error<A>(found: &Found<A>, lost: RequestError) -> BootstrapError {
    BootstrapError::Acceptor { address: found.address.clone(), lost }
}

async fn give_place<A: Acceptor>(
    config: &ClusterConfig,
    id: u32,
    found: &Found<A>,
) -> Result<(), RequestError> {
    // A place of epoch 0 was left behind by an attempt that went no further; a later one is refused.
    if let Some(state) = found.status.clone()?.state {
        found.acceptor.retire(state.identity, 0).await?;
    }
    found.acceptor.wipe().await?;
    let state = AcceptorState { identity: config.identity(id), epoch: 0, promise_floor: 0 };
    found.acceptor.admit(state, Bytes::new()).await
}

/// Tells the rest of a cluster's first epoch, where an attempt was cut short in the middle.
async fn finish<A: Acceptor>(
    config: &ClusterConfig,
    found: &[Found<A>],
) -> Result<(), BootstrapError> {
    for found in found {
        let state = found.status.as_ref().ok().and_then(|status| status.state);
        let waits = |state: &AcceptorState| state.epoch == 0 && config.epoch == 1;
        if let Some(state) = state.filter(waits) {
            let told = found.acceptor.set_epoch(state.identity, 1, config.bytes());
            told.await.map_err(|lost| error(found, lost))?;
        }
    }
    Ok(())
}
