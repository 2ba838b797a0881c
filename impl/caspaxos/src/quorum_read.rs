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

use crate::rules::Rules;
use crate::{AcceptorId, Ballot, Configuration, Proposer, Quorum, Request, VersionedValue};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// One read under way.
#[derive(Debug, Clone)]
pub struct QuorumRead<V> {
    configuration: Arc<Configuration>,
    rules: Arc<dyn Rules>,
    waiting: Vec<AcceptorId>,
    found: Vec<Found<V>>,
}

/// A ballot, and who holds it.
#[derive(Debug, Clone)]
struct Found<V> {
    accepted: Ballot,
    value: Option<VersionedValue<V>>,
    by: Vec<AcceptorId>,
}

/// How far a read has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadProgress<V> {
    /// Wait for more answers.
    Wait,
    /// This was the present content at some instant since the read began; `None` when there was none.
    Decided(Option<VersionedValue<V>>),
    /// It cannot be told without a round.
    Inconclusive,
}

impl<V: Clone> QuorumRead<V> {
    /// Starts a read under a proposer's configuration, which is not touched otherwise. The same
    /// request goes to everyone named.
    pub fn begin<K: Ord + Clone>(proposer: &Proposer<K, V>) -> (Self, Vec<AcceptorId>) {
        let (configuration, rules) = proposer.shared();
        let prepare = configuration.prepare().members.iter();
        let mut waiting: Vec<AcceptorId> = prepare.copied().collect();
        let accept = configuration.accept().members.iter();
        waiting.extend(accept.filter(|id| !configuration.prepare().members.contains(id)));
        let asked = waiting.clone();
        (Self { configuration, rules, waiting, found: Vec::new() }, asked)
    }

    /// What everyone is asked.
    #[must_use]
    pub const fn request() -> Request<VersionedValue<V>> {
        Request::Read
    }

    /// The configuration that it runs under.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Whether those who have answered so far do not agree.
    #[must_use]
    pub const fn differs(&self) -> bool {
        self.found.len() > 1
    }

    /// Takes an answer. A repeated one is passed over.
    pub fn on_answer(
        &mut self,
        from: AcceptorId,
        accepted: Ballot,
        value: Option<VersionedValue<V>>,
    ) -> ReadProgress<V> {
        if !self.awaits(from) {
            return ReadProgress::Wait;
        }
        match self.found.iter_mut().find(|found| found.accepted == accepted) {
            Some(found) => found.by.push(from),
            None => self.found.push(Found { accepted, value, by: vec![from] }),
        }
        self.advance()
    }

    /// Says that no answer will come from this acceptor.
    pub fn on_error(&mut self, from: AcceptorId) -> ReadProgress<V> {
        if self.awaits(from) { self.advance() } else { ReadProgress::Wait }
    }

    /// Whether this is the first that is heard of the acceptor.
    fn awaits(&mut self, from: AcceptorId) -> bool {
        let at = self.waiting.iter().position(|waiting| *waiting == from);
        at.map(|at| self.waiting.swap_remove(at)).is_some()
    }

    fn advance(&mut self) -> ReadProgress<V> {
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
            // A register that was looked at and held nothing has a mark, which is of no interest here.
            let value = found.value.take().filter(|cell| cell.version > 0);
            return ReadProgress::Decided(value);
        }
        let hopes = |found: &Found<V>| settled(&found.by, &self.waiting);
        if settled(&[], &self.waiting) || self.found.iter().any(hopes) {
            return ReadProgress::Wait;
        }
        ReadProgress::Inconclusive
    }

    /// The wrong rule: what the highest ballot of a prepare quorum says, committed or not.
    fn newest(&self) -> ReadProgress<V> {
        let by: BTreeSet<_> =
            self.found.iter().flat_map(|found| found.by.iter().copied()).collect();
        if self.configuration.prepare().met_by(&by) {
            let newest = self.found.iter().max_by_key(|found| found.accepted);
            let value = newest.and_then(|found| found.value.clone());
            return ReadProgress::Decided(value.filter(|cell| cell.version > 0));
        }
        if self.waiting.is_empty() { ReadProgress::Inconclusive } else { ReadProgress::Wait }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lineage, ProposerId};
    use ReadProgress::{Decided, Inconclusive, Wait};

    fn x() -> VersionedValue<char> {
        VersionedValue { version: 1, value: Some('x'), lineage: Lineage::default() }
    }

    fn read(prepare: usize, accept: usize) -> QuorumRead<char> {
        let members = || (0..3).map(AcceptorId);
        let quorum = |size| Quorum::of(size, members());
        let configuration = Configuration::flexible(quorum(prepare), quorum(accept)).unwrap();
        let proposer = Proposer::<(), char>::new(ProposerId(1), configuration, 0);
        QuorumRead::begin(&proposer).0
    }

    /// What three answers come to, one after another; each is a ballot's counter, `None` lost.
    fn after(mut read: QuorumRead<char>, answers: [Option<u64>; 3]) -> Vec<ReadProgress<char>> {
        let answer = |(from, counter): (u32, Option<u64>)| match counter {
            None => read.on_error(AcceptorId(from)),
            Some(0) => read.on_answer(AcceptorId(from), Ballot::ZERO, None),
            Some(counter) => {
                let accepted = Ballot { counter, proposer: ProposerId(1) };
                read.on_answer(AcceptorId(from), accepted, Some(x()))
            }
        };
        (0..).zip(answers).map(answer).collect()
    }

    #[test]
    fn a_majority_of_equal_answers_settles() {
        let x = Decided(Some(x()));
        assert_eq!(after(read(2, 2), [Some(1), Some(1), None])[..2], [Wait, x.clone()]);
        assert_eq!(after(read(2, 2), [Some(1), Some(2), Some(2)])[..], [Wait, Wait, x.clone()]);
        assert_eq!(after(read(2, 2), [Some(1), Some(2), Some(3)]), vec![Wait, Wait, Inconclusive]);
        assert_eq!(after(read(2, 2), [Some(2), None, Some(1)]), vec![Wait, Wait, Inconclusive]);
        assert_eq!(after(read(2, 2), [None, None, Some(1)])[..2], [Wait, Inconclusive]);
    }

    #[test]
    fn a_register_that_nobody_wrote_is_empty() {
        assert_eq!(after(read(2, 2), [Some(0), Some(0), None])[1], Decided(None));
    }

    #[test]
    fn a_register_that_was_looked_at_and_held_nothing_is_empty() {
        let mut read = read(2, 2);
        let accepted = Ballot { counter: 1, proposer: ProposerId(1) };
        let nothing = || Some(VersionedValue::nothing_since(Ballot::ZERO));
        assert_eq!(read.on_answer(AcceptorId(0), accepted, nothing()), Wait);
        assert_eq!(read.on_answer(AcceptorId(1), accepted, nothing()), Decided(None));
    }

    #[test]
    fn both_quorums_must_agree() {
        // Prepare by all, accept by one: an accept quorum alone may have been overwritten.
        assert_eq!(after(read(3, 1), [Some(1), Some(1), Some(1)])[..2], [Wait, Wait]);
        assert_eq!(after(read(3, 1), [Some(1), None, Some(1)])[1], Inconclusive);
        // Prepare by one, accept by all: a prepare quorum alone may hold what was never committed.
        assert_eq!(after(read(1, 3), [Some(1), Some(1), Some(1)])[..2], [Wait, Wait]);
        assert_eq!(after(read(1, 3), [Some(1), Some(2), Some(1)])[1], Inconclusive);
    }
}
