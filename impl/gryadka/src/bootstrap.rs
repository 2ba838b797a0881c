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
}

/// Makes a cluster of the acceptors at these addresses, or finds that it is there already. For a new
/// one all of them must be reachable; what they held under the prefix before is erased.
pub(crate) async fn bootstrap<A: Acceptor>(
    roster: &Roster<A>,
    addresses: &[String],
    cluster: u64,
) -> Result<Document, BootstrapError> {
    let found = roster.ask(addresses).await.map_err(RosterError::from)?;
    if let Some(document) = roster.newest(addresses, None).await? {
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
    // A place of epoch 0 was left behind by an attempt that went no further.
    if let Some(standing) = found.status.clone()?.standing {
        found.acceptor.retire(standing.stamp).await?;
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
