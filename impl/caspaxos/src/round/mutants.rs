//! What a round does under a wrong rule, and under the faithful ones not at all.

use super::{Outcome, Phase, Proposal, Round, RoundResult};
use crate::{Ballot, Reply, VersionedValue};

impl<V: Clone> Round<V> {
    /// A reply as the proposer takes it.
    pub(super) fn misheard(&self, reply: Reply<VersionedValue<V>>) -> Reply<VersionedValue<V>> {
        match (&self.phase, reply) {
            (Phase::Preparing(prepare), Reply::Promise { promise_floor, accepted, value }) => {
                let before = (prepare.promises > 0).then_some((prepare.floor, prepare.newest.0));
                let floor = self.rules.floor_of_promises(before.map(|it| it.0), promise_floor);
                let promise_floor = self.rules.mark(floor).counter;
                let outdoes = self.rules.outdoes(before.map(|it| it.1), accepted);
                let (accepted, value) =
                    if outdoes { (accepted, value) } else { (Ballot::ZERO, None) };
                Reply::Promise { promise_floor, accepted, value }
            }
            (_, reply) => reply,
        }
    }

    /// How the round ends where an answer that changes nothing need not be committed.
    pub(super) fn unconfirmed(
        &mut self,
        proposal: &Proposal<V>,
        present: &VersionedValue<V>,
    ) -> Option<RoundResult<V>> {
        let cached = matches!(self.phase, Phase::Idle);
        if !matches!(proposal, Proposal::Keep) || self.rules.confirms_unchanged(cached) {
            return None;
        }
        let kept = cached.then(|| (self.ballot, present.clone()));
        Some(self.end(Outcome::Committed(()), kept))
    }

    /// What the proposer goes on with after an accept round without a quorum.
    pub(super) fn kept(&self) -> Option<(Ballot, VersionedValue<V>)> {
        let Phase::Accepting(accept) = &self.phase else { return None };
        let conflict = accept.conflicts > 0;
        if self.rules.keeps_ballot_of_incomplete_accept(conflict) {
            return Some((self.ballot, accept.present.clone()));
        }
        if !conflict || !self.rules.keeps_value_after_conflict() {
            return None;
        }
        let counter = self.seen.counter.max(self.next.counter) + 1;
        Some((Ballot { counter, ..self.ballot }, accept.present.clone()))
    }
}
