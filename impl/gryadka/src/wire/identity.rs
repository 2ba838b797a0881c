//! An identity as text: `cluster/acceptor`. Acceptors only compare it.

use caspaxos::{AcceptorId, AcceptorIdentity, HIGHEST_NUMBER};

/// Writes an identity.
pub(crate) fn identity(identity: AcceptorIdentity) -> String {
    format!("{}/{}", identity.cluster, identity.acceptor.0)
}

/// Reads an identity; `None` when it is not one.
pub(crate) fn parse_identity(text: &str) -> Option<AcceptorIdentity> {
    let (cluster, acceptor) = text.split_once('/')?;
    Some(AcceptorIdentity {
        cluster: cluster.parse().ok().filter(|cluster| *cluster <= HIGHEST_NUMBER)?,
        acceptor: AcceptorId(acceptor.parse().ok()?),
    })
}
