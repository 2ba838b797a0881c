//! Three machines run for one key each, and are driven alike: [`crate::KeyProposer`], [`crate::QuorumRead`]
//! and [`crate::Collection`].
//!
//! After each call the driver asks [`Machine::poll`] until it answers [`Progress::Wait`]. It carries every
//! request to its acceptor once at most, and hands in the reply, or the error in its place, with the
//! [`RequestId`] of the request. It calls [`Machine::on_time`] at the time that [`Machine::wake_at`] names, and
//! at each deadline that it has given.
//!
//! A key has one [`crate::KeyProposer`] or one [`crate::Collection`] on a proposer, never both: each may have
//! a round of the key open. Reads take no ballot, and any number of them may run.

use crate::{AcceptorId, Ballot, Proposer, Reply, Request, Stage, VersionedValue};
use alloc::vec::Vec;

/// What runs for one key on one proposer.
pub trait Machine<K, V> {
    /// What it comes to. A key proposer comes to one outcome for each change; a read and a collection come to
    /// one in all, and are dropped then.
    type Outcome;

    /// Takes the reply to a request. A repeated reply, and one to an earlier request, changes nothing.
    fn on_reply(
        &mut self,
        context: &mut Context<'_, K, V>,
        id: RequestId,
        reply: Reply<VersionedValue<V>>,
    );

    /// Says that a request will get no reply. `may_have_executed` is false only if the request has not
    /// reached its acceptor, and never will.
    fn on_error(&mut self, context: &mut Context<'_, K, V>, id: RequestId, may_have_executed: bool);

    /// Does what is due at the time of the context.
    fn on_time(&mut self, context: &mut Context<'_, K, V>);

    /// What the driver is to do now.
    fn poll(&mut self) -> Progress<V, Self::Outcome>;

    /// When it waits for a time of its own: a retry, or the end of a timeout. The deadlines of the driver are
    /// not among these.
    fn wake_at(&self) -> Option<u64>;
}

/// What a machine needs for one step.
pub struct Context<'a, K, V> {
    /// The proposer, which all keys share.
    pub proposer: &'a mut Proposer<K, V>,
    /// The key.
    pub key: &'a K,
    /// The time, in nanoseconds.
    pub now: u64,
    /// Draws a number between zero and this one.
    pub draw: &'a mut dyn FnMut(u64) -> u64,
}

/// What a machine wants next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Progress<V, T> {
    /// Nothing before the next reply, error or time.
    Wait,
    /// These requests are to be sent.
    Send(Requests<V>),
    /// It has come to this.
    Done(T),
}

impl<V, T> Progress<V, T> {
    /// Takes out what there is, and leaves [`Progress::Wait`].
    pub(crate) const fn take(&mut self) -> Self {
        core::mem::replace(self, Self::Wait)
    }
}

/// Requests that are sent together, each to an acceptor of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requests<V> {
    /// The epoch of the configuration that they are sent under.
    pub epoch: u64,
    /// The request to each acceptor.
    pub requests: Vec<(RequestId, Request<VersionedValue<V>>)>,
}

/// Which request a reply or an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId {
    /// The acceptor that is asked.
    pub acceptor: AcceptorId,
    /// The ballot of the round or of the collection. A read has none, which is [`Ballot::ZERO`].
    pub ballot: Ballot,
    /// Which request it is.
    pub stage: Stage,
}

impl<V: Clone> Requests<V> {
    /// The same request to each of these acceptors.
    pub(crate) fn to_all<'a>(
        acceptors: impl IntoIterator<Item = &'a AcceptorId>,
        epoch: u64,
        request: &Request<VersionedValue<V>>,
    ) -> Self {
        let (ballot, stage) = (request.ballot(), request.stage());
        let addressed = |&acceptor| (RequestId { acceptor, ballot, stage }, request.clone());
        Self { epoch, requests: acceptors.into_iter().map(addressed).collect() }
    }
}
