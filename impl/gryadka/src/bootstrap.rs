//! A new cluster out of servers that belong to none.
//!
//! First every acceptor is given its place, in epoch 0, in which nobody votes. Only when all have
//! theirs are they told of epoch 1. So an acceptor without a place beside one that is past epoch 0
//! has lost its memory, and is not given its old place again: that would make it forget its promises.

use crate::document::Document;
use crate::roster::{Found, Roster, RosterError};
use crate::{Acceptor, Lost};
use bytes::Bytes;
use caspaxos::Standing;

/// Why a cluster could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The addresses or a document cannot be understood.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// An acceptor did not do what it was asked for. Asking for the same again is safe.
    #[error("{address}: {lost}")]
    Acceptor {
        /// Its address.
        address: String,
        /// What became of it.
        lost: Lost,
    },
    /// An acceptor votes in a cluster, of which nothing more can be learnt now.
    #[error("{address} belongs to a cluster already, whose document cannot be had now; try again")]
    Taken {
        /// Its address.
        address: String,
    },
}

/// Makes a cluster of the acceptors at these addresses, or finds that it is there already. For a new
/// one all of them must be reachable, and none may have begun to vote; what they held under the
/// prefix before is erased.
pub(crate) async fn bootstrap<A: Acceptor>(
    roster: &Roster<A>,
    addresses: &[String],
    cluster: u64,
) -> Result<Document, BootstrapError> {
    let found = roster.ask(addresses).await.map_err(RosterError::from)?;
    let votes = |found: &Found<A>| {
        let standing = found.status.as_ref().ok().and_then(|status| status.standing);
        standing.is_some_and(|standing| standing.epoch > 0)
    };
    if let Some(voter) = found.iter().find(|found| votes(found)) {
        let taken = || BootstrapError::Taken { address: voter.address.clone() };
        let document = roster.newest(addresses, None).await?.ok_or_else(taken)?;
        finish(&document, &found).await?;
        return Ok(document);
    }
    let document = Document::first(cluster, addresses).map_err(RosterError::from)?;
    for (id, found) in (1_u32..).zip(&found) {
        give_place(&document, id, found).await.map_err(|lost| error(found, lost))?;
    }
    for (id, found) in (1_u32..).zip(&found) {
        let told = found.acceptor.tell(document.stamp(id), 1, document.bytes());
        told.await.map_err(|lost| error(found, lost))?;
    }
    Ok(document)
}

fn error<A>(found: &Found<A>, lost: Lost) -> BootstrapError {
    BootstrapError::Acceptor { address: found.address.clone(), lost }
}

async fn give_place<A: Acceptor>(
    document: &Document,
    id: u32,
    found: &Found<A>,
) -> Result<(), Lost> {
    // A place of epoch 0 was left behind by an attempt that went no further; a later one is refused.
    if let Some(standing) = found.status.clone()?.standing {
        found.acceptor.retire(standing.stamp, 0).await?;
    }
    found.acceptor.wipe().await?;
    let standing = Standing { stamp: document.stamp(id), epoch: 0, age: 0 };
    found.acceptor.admit(standing, Bytes::new()).await
}

/// Tells the rest of a cluster's first epoch, where an attempt was cut short in the middle.
async fn finish<A: Acceptor>(
    document: &Document,
    found: &[Found<A>],
) -> Result<(), BootstrapError> {
    for found in found {
        let standing = found.status.as_ref().ok().and_then(|status| status.standing);
        let waits = |standing: &Standing| standing.epoch == 0 && document.epoch == 1;
        if let Some(standing) = standing.filter(waits) {
            let told = found.acceptor.tell(standing.stamp, 1, document.bytes());
            told.await.map_err(|lost| error(found, lost))?;
        }
    }
    Ok(())
}
