//! A identity as text: `cluster/acceptor`. Acceptors only compare it.

use caspaxos::{AcceptorId, AcceptorIdentity};

/// Writes a identity.
pub(crate) fn identity(identity: AcceptorIdentity) -> String {
    format!("{}/{}", identity.cluster, identity.acceptor.0)
}

/// Reads a identity; `None` when it is not one.
pub(crate) fn parse_stamp(text: &str) -> Option<AcceptorIdentity> {
    let (cluster, acceptor) = text.split_once('/')?;
    Some(AcceptorIdentity {
        cluster: cluster.parse().ok()?,
        acceptor: AcceptorId(acceptor.parse().ok()?),
    })
}
