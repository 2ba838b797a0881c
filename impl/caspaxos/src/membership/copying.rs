//! A register carried from one configuration into the next without a round.
//!
//! Only where every acceptor of the configuration before was told of the later one: none of them
//! accepts anything under the earlier any more, so what those read hold is all that can have been
//! committed there. The newest is offered to all who accept now, as if the accept that it came from
//! had only now arrived. Where an accept quorum holds it, or something newer, every later prepare
//! sees it.

use crate::{AcceptorId, Ballot, Configuration, Register, Reply, Request};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The copy of one register under way.
#[derive(Debug, Clone)]
pub struct Copying<V> {
    before: Configuration,
    after: Configuration,
    waiting: BTreeSet<AcceptorId>,
    phase: Phase<V>,
}

#[derive(Debug, Clone)]
enum Phase<V> {
    Reading { answered: BTreeSet<AcceptorId>, newest: (Ballot, Option<V>) },
    Installing { installed: BTreeSet<AcceptorId> },
    Over,
}

/// What the driver is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyProgress<V> {
    /// Wait for more answers.
    Wait,
    /// Send these requests, under the later epoch.
    Send(Vec<(AcceptorId, Request<V>)>),
    /// Everyone who prepares from now on sees the value.
    Copied,
    /// It did not come about, because of promises that were made meanwhile, or of acceptors that are
    /// out of reach. A change that keeps the value does the same.
    NeedsRound,
}

impl<V: Clone> Copying<V> {
    /// Starts to copy a register; the requests go out under the later epoch.
    #[must_use]
    pub fn begin(before: Configuration, after: Configuration) -> (Self, CopyProgress<V>) {
        let waiting = before.accept().members.clone();
        let requests = waiting.iter().map(|&acceptor| (acceptor, Request::Read)).collect();
        let phase = Phase::Reading { answered: BTreeSet::new(), newest: (Ballot::ZERO, None) };
        (Self { before, after, waiting, phase }, CopyProgress::Send(requests))
    }

    /// Takes an answer. A repeated one, or one to something else, is passed over.
    pub fn on_reply(&mut self, from: AcceptorId, reply: Reply<V>) -> CopyProgress<V> {
        match (&mut self.phase, reply) {
            (Phase::Reading { answered, newest }, Reply::Current { accepted, value })
                if self.waiting.remove(&from) =>
            {
                answered.insert(from);
                if accepted > newest.0 {
                    *newest = (accepted, value);
                }
            }
            (Phase::Installing { installed }, Reply::Installed) if self.waiting.remove(&from) => {
                installed.insert(from);
            }
            (Phase::Installing { .. }, Reply::Refused(_)) => {
                self.waiting.remove(&from);
            }
            (Phase::Reading { .. } | Phase::Installing { .. } | Phase::Over, _) => {
                return CopyProgress::Wait;
            }
        }
        self.advance()
    }

    /// Says that no answer will come from this acceptor to the requests sent last.
    pub fn on_lost(&mut self, from: AcceptorId) -> CopyProgress<V> {
        if self.waiting.remove(&from) { self.advance() } else { CopyProgress::Wait }
    }

    fn advance(&mut self) -> CopyProgress<V> {
        match &mut self.phase {
            Phase::Reading { answered, newest } => {
                let accept = self.before.accept();
                let others = |those: &BTreeSet<AcceptorId>| {
                    accept.members.difference(those).count() < accept.size
                };
                if others(answered) {
                    let (accepted, value) = core::mem::replace(newest, (Ballot::ZERO, None));
                    return self.install(accepted, value);
                }
                if others(&answered.union(&self.waiting).copied().collect()) {
                    return CopyProgress::Wait;
                }
            }
            Phase::Installing { installed } => {
                let accept = self.after.accept();
                if accept.met_by(installed) {
                    self.phase = Phase::Over;
                    return CopyProgress::Copied;
                }
                if accept.met_by(&installed.union(&self.waiting).copied().collect()) {
                    return CopyProgress::Wait;
                }
            }
            Phase::Over => return CopyProgress::Wait,
        }
        self.phase = Phase::Over;
        CopyProgress::NeedsRound
    }

    fn install(&mut self, accepted: Ballot, value: Option<V>) -> CopyProgress<V> {
        if accepted == Ballot::ZERO {
            // Never written, or collected: then those who erased it say so by their age.
            self.phase = Phase::Over;
            return CopyProgress::Copied;
        }
        let register = Register { promised: accepted, accepted, value };
        let request = Request::Install(register);
        self.waiting = self.after.accept().members.clone();
        self.phase = Phase::Installing { installed: BTreeSet::new() };
        CopyProgress::Send(self.waiting.iter().map(|&id| (id, request.clone())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProposerId;
    use CopyProgress::{Copied, NeedsRound, Send, Wait};

    fn majority(members: impl IntoIterator<Item = u32>) -> Configuration {
        Configuration::majority(members.into_iter().map(AcceptorId)).unwrap()
    }

    fn held(counter: u64) -> Reply<char> {
        let accepted = Ballot { counter, proposer: ProposerId(1) };
        Reply::Current { accepted, value: Some(if counter > 1 { 'y' } else { 'x' }) }
    }

    fn copying() -> Copying<char> {
        Copying::begin(majority(1..=3), majority(1..=4)).0
    }

    #[test]
    fn the_newest_goes_to_all_who_accept_now_and_a_quorum_of_them_suffices() {
        let mut copying = copying();
        assert_eq!(copying.on_reply(AcceptorId(1), held(1)), Wait);
        assert_eq!(copying.on_reply(AcceptorId(1), held(1)), Wait, "a repeated answer");
        let Send(requests) = copying.on_reply(AcceptorId(2), held(2)) else { panic!() };
        assert_eq!(requests.len(), 4);
        let Request::Install(register) = &requests[3].1 else { panic!() };
        assert_eq!((register.accepted.counter, register.value), (2, Some('y')));
        assert_eq!(copying.on_reply(AcceptorId(4), Reply::Installed), Wait);
        assert_eq!(copying.on_reply(AcceptorId(2), Reply::Installed), Wait);
        assert_eq!(copying.on_lost(AcceptorId(1)), Wait);
        assert_eq!(copying.on_reply(AcceptorId(3), Reply::Installed), Copied);
    }

    #[test]
    fn what_nobody_holds_needs_no_copy() {
        let mut copying = copying();
        let nothing = Reply::Current { accepted: Ballot::ZERO, value: None };
        copying.on_reply(AcceptorId(1), nothing.clone());
        assert_eq!(copying.on_reply(AcceptorId(3), nothing), Copied);
    }

    #[test]
    fn too_few_answers_or_copies_leave_it_to_a_round() {
        let mut unread = copying();
        unread.on_lost(AcceptorId(1));
        assert_eq!(unread.on_lost(AcceptorId(2)), NeedsRound);

        let mut refused = copying();
        refused.on_reply(AcceptorId(1), held(1));
        refused.on_reply(AcceptorId(2), held(1));
        refused.on_lost(AcceptorId(1));
        let ballot = Ballot { counter: 5, proposer: ProposerId(2) };
        let higher = crate::Held { promised: ballot, accepted: Ballot::ZERO };
        assert_eq!(refused.on_reply(AcceptorId(2), Reply::Refused(higher)), NeedsRound);
    }
}
