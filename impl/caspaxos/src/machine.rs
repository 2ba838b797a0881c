//! What all machines of the protocol have in common: how they are driven.

use crate::{AcceptorId, Ballot, Request, VersionedValue};
use alloc::vec::Vec;

/// What a machine wants next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Progress<V, T> {
    /// Nothing before the next reply, error or timeout.
    Wait,
    /// These requests are to be sent.
    Send(Requests<V>),
    /// It has come to this.
    Done(T),
}

/// Requests that are sent together, each to an acceptor of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requests<V> {
    /// The epoch of the configuration that they are sent under.
    pub epoch: u64,
    /// The ballot that their replies are handed in with. A read has none, which is [`Ballot::ZERO`].
    pub ballot: Ballot,
    /// The request to each acceptor.
    pub requests: Vec<(AcceptorId, Request<VersionedValue<V>>)>,
}

impl<V: Clone> Requests<V> {
    /// The same request to each of these acceptors.
    pub(crate) fn to_all<'a>(
        acceptors: impl IntoIterator<Item = &'a AcceptorId>,
        (epoch, ballot): (u64, Ballot),
        request: &Request<VersionedValue<V>>,
    ) -> Self {
        let requests = acceptors.into_iter().map(|&acceptor| (acceptor, request.clone()));
        Self { epoch, ballot, requests: requests.collect() }
    }
}
