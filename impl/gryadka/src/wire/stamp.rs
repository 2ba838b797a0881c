//! A stamp as text: `cluster/acceptor`. Acceptors only compare it.

use caspaxos::{AcceptorId, Stamp};

/// Writes a stamp.
pub(crate) fn stamp(stamp: Stamp) -> String {
    format!("{}/{}", stamp.cluster, stamp.acceptor.0)
}

/// Reads a stamp; `None` when it is not one.
pub(crate) fn parse_stamp(text: &str) -> Option<Stamp> {
    let (cluster, acceptor) = text.split_once('/')?;
    Some(Stamp { cluster: cluster.parse().ok()?, acceptor: AcceptorId(acceptor.parse().ok()?) })
}
