//! A read without a write: what a quorum holds already needs no round.
//!
//! Ask everyone for what they accepted last. Where those who name one and the same ballot are both
//! an accept quorum and a prepare quorum, its value is answered:
//!
//! - as an accept quorum they have committed it;
//! - as a prepare quorum they share an acceptor with every accept quorum, so a change that was
//!   committed under a higher ballot before the read began would have shown at one of them.
//!
//! So the value was the present one at some instant of the read. Under simple majorities this is any
//! majority of equal answers. Where they differ, a change is half done or has just been done, and
//! the caller goes on with a change that keeps the value. A read promises nothing and takes no
//! ballot, so it never gets in a writer's way.

#[cfg(any(test, feature = "mutants"))]
mod mutants;
#[cfg(test)]
mod tests;

use crate::{
    AcceptorId, Ballot, Configuration, Context, Machine, Progress, Proposer, Quorum, Reply,
    Request, RequestId, Requests, VersionedValue,
};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// How long the other acceptors are waited for, in nanoseconds, once those who have answered differ.
const TIMEOUT: u64 = 20_000_000;

/// One read under way.
#[derive(Debug, Clone)]
pub struct QuorumRead<V> {
    configuration: Arc<Configuration>,
    #[cfg(any(test, feature = "mutants"))]
    rules: Arc<dyn crate::Rules>,
    waiting: Vec<AcceptorId>,
    found: Vec<Found<V>>,
    deadline: u64,
    timeout: Option<u64>,
    next: Progress<V, ReadOutcome<V>>,
}

/// A ballot, and the acceptors that hold it.
#[derive(Debug, Clone)]
struct Found<V> {
    accepted: Ballot,
    value: Option<VersionedValue<V>>,
    by: Vec<AcceptorId>,
}

/// What a read came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOutcome<V> {
    /// This was the present content at some instant since the read began; `None` when there was none.
    Decided(Option<VersionedValue<V>>),
    /// It cannot be told without a round, or was not in time.
    Inconclusive,
}

impl<V: Clone> QuorumRead<V> {
    /// Starts a read under a proposer's configuration, which is to end by this time.
    #[must_use]
    pub fn begin<K: Ord + Clone>(proposer: &Proposer<K, V>, deadline: u64) -> Self {
        let configuration = proposer.shared_configuration();
        let prepare = configuration.prepare().members.iter();
        let mut waiting: Vec<AcceptorId> = prepare.copied().collect();
        let accept = configuration.accept().members.iter();
        waiting.extend(accept.filter(|id| !configuration.prepare().members.contains(id)));
        let requests = Requests::to_all(&waiting, configuration.epoch(), &Request::Read);
        Self {
            configuration,
            #[cfg(any(test, feature = "mutants"))]
            rules: proposer.shared_rules(),
            waiting,
            found: Vec::new(),
            deadline,
            timeout: None,
            next: Progress::Send(requests),
        }
    }

    /// Whether this is the first that is heard of the acceptor.
    fn awaits(&mut self, from: AcceptorId) -> bool {
        let at = self.waiting.iter().position(|waiting| *waiting == from);
        at.map(|at| self.waiting.swap_remove(at)).is_some()
    }

    /// What the answers so far come to, if they come to anything.
    fn outcome(&mut self) -> Option<ReadOutcome<V>> {
        #[cfg(any(test, feature = "mutants"))]
        if !self.rules.reads_one_ballot() {
            return self.newest();
        }
        let configuration = &self.configuration;
        let met = |quorum: &Quorum, by: &[AcceptorId], more: &[AcceptorId]| {
            let agree = |id: &&AcceptorId| by.contains(id) || more.contains(id);
            quorum.members.iter().filter(agree).count() >= quorum.size
        };
        let settled = |by: &[AcceptorId], more: &[AcceptorId]| {
            met(configuration.prepare(), by, more) && met(configuration.accept(), by, more)
        };
        if let Some(found) = self.found.iter_mut().find(|found| settled(&found.by, &[])) {
            return Some(ReadOutcome::of(found.value.take()));
        }
        let hopes = |found: &Found<V>| settled(&found.by, &self.waiting);
        let hope = settled(&[], &self.waiting) || self.found.iter().any(hopes);
        (!hope).then_some(ReadOutcome::Inconclusive)
    }

    fn advance(&mut self, now: u64) {
        match self.outcome() {
            Some(outcome) => self.next = Progress::Done(outcome),
            None if self.found.len() > 1 && self.timeout.is_none() => {
                self.timeout = Some(now.saturating_add(TIMEOUT));
            }
            None => {}
        }
    }
}

impl<V> ReadOutcome<V> {
    /// A register that was looked at and held nothing has a mark, which is of no interest to a reader.
    fn of(found: Option<VersionedValue<V>>) -> Self {
        Self::Decided(found.filter(|cell| cell.version > 0))
    }
}

impl<K, V: Clone> Machine<K, V> for QuorumRead<V> {
    type Outcome = ReadOutcome<V>;

    fn on_reply(
        &mut self,
        context: &mut Context<'_, K, V>,
        id: RequestId,
        reply: Reply<VersionedValue<V>>,
    ) {
        let Reply::Current { accepted, value } = reply else { return };
        if !self.awaits(id.acceptor) {
            return;
        }
        match self.found.iter_mut().find(|found| found.accepted == accepted) {
            Some(found) => found.by.push(id.acceptor),
            None => self.found.push(Found { accepted, value, by: vec![id.acceptor] }),
        }
        self.advance(context.now);
    }

    fn on_error(&mut self, context: &mut Context<'_, K, V>, id: RequestId, _: bool) {
        if self.awaits(id.acceptor) {
            self.advance(context.now);
        }
    }

    fn on_time(&mut self, context: &mut Context<'_, K, V>) {
        if self.timeout.unwrap_or(self.deadline).min(self.deadline) <= context.now {
            self.next = Progress::Done(ReadOutcome::Inconclusive);
        }
    }

    fn poll(&mut self) -> Progress<V, ReadOutcome<V>> {
        self.next.take()
    }

    fn wake_at(&self) -> Option<u64> {
        self.timeout
    }
}

/// What a read knows of one acceptor: whether it is waited for, and what it said.
#[cfg(test)]
pub(crate) type Known<'a, V> = (bool, Option<(Ballot, &'a Option<VersionedValue<V>>)>);

#[cfg(test)]
impl<V> QuorumRead<V> {
    /// All that it knows of one acceptor.
    pub(crate) fn state(&self, acceptor: AcceptorId) -> Known<'_, V> {
        let found = self.found.iter().find(|found| found.by.contains(&acceptor));
        (self.waiting.contains(&acceptor), found.map(|found| (found.accepted, &found.value)))
    }
}
