//! Collecting a tombstone, so that a deleted register takes no room (paper §3.1).
//!
//! First every acceptor accepts that the register is empty: an identity change with the accept quorum
//! of all. From then on no acceptor holds an older value that could rise again. Then each is told
//! to raise its promise_floor and to erase the register, if it holds that very ballot still: see
//! [`crate::Member`] for what the promise_floor is good for. Each acceptor takes both in one step, so nothing
//! waits for the others. Whatever is left undone, a later collection does: it changes nothing
//! twice.

use crate::{
    AcceptorId, Decision, End, Outcome, Progress, Proposer, Reason, Reply, Request, Round,
    VersionedValue,
};
use crate::{Ballot, Stage};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The collection of one register under way.
#[derive(Debug, Clone)]
pub struct Collection<K, V> {
    key: K,
    ballot: Ballot,
    epoch: u64,
    members: BTreeSet<AcceptorId>,
    phase: Phase<V>,
}

#[derive(Debug, Clone)]
enum Phase<V> {
    /// The identity change; its answer is the version of the tombstone, `None` for a value.
    Confirming(Round<VersionedValue<V>, Option<u64>>),
    Erasing {
        waiting: BTreeSet<AcceptorId>,
        lost: bool,
    },
    Over,
}

/// What a collection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionOutcome {
    /// No acceptor holds the register any more, unless somebody has written it since.
    Erased,
    /// There is a value, which every acceptor holds by now: nothing was to be collected.
    Alive,
    /// Not everyone could be asked. What is left, a later collection finds.
    Unfinished(Reason),
}

/// What the driver is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CollectProgress<V> {
    /// Wait for more replies.
    Wait,
    /// Send these requests.
    Send(Vec<(AcceptorId, Request<VersionedValue<V>>)>),
    /// It is over.
    Over(CollectionOutcome),
}

impl<K: Ord + Clone, V: Clone> Collection<K, V> {
    /// Starts to collect a register. No other round of the key may be open on this proposer.
    pub fn begin(
        proposer: &mut Proposer<K, VersionedValue<V>>,
        key: K,
    ) -> (Self, CollectProgress<V>) {
        let (round, progress) = proposer.begin_with_all(&key);
        let (ballot, epoch) = (round.ballot(), round.configuration().epoch());
        let members = round.configuration().members();
        let phase = Phase::Confirming(round);
        let mut this = Self { key, ballot, epoch, members, phase };
        let progress = this.follow(proposer, progress);
        (this, progress)
    }

    /// The ballot of its requests.
    #[must_use]
    pub const fn ballot(&self) -> Ballot {
        self.ballot
    }

    /// The epoch that its requests are sent under.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Takes a reply to a request of this collection.
    pub fn on_reply(
        &mut self,
        proposer: &mut Proposer<K, VersionedValue<V>>,
        from: AcceptorId,
        reply: Reply<VersionedValue<V>>,
    ) -> CollectProgress<V> {
        match &mut self.phase {
            Phase::Confirming(round) => {
                let progress = round.on_reply(from, self.ballot, reply);
                self.follow(proposer, progress)
            }
            Phase::Erasing { waiting, .. } if matches!(reply, Reply::Collected(_)) => {
                waiting.remove(&from);
                self.erased()
            }
            Phase::Erasing { .. } | Phase::Over => CollectProgress::Wait,
        }
    }

    /// Says that no reply to a request of this stage will come from this acceptor; `delivered` as
    /// in [`Round::on_error`].
    pub fn on_error(
        &mut self,
        proposer: &mut Proposer<K, VersionedValue<V>>,
        from: AcceptorId,
        stage: Stage,
        may_have_executed: bool,
    ) -> CollectProgress<V> {
        match (&mut self.phase, stage) {
            (Phase::Confirming(round), Stage::Prepare | Stage::Accept) => {
                let progress = round.on_error(from, stage, may_have_executed);
                self.follow(proposer, progress)
            }
            (Phase::Erasing { waiting, lost }, Stage::Collect) => {
                *lost |= waiting.remove(&from);
                self.erased()
            }
            (Phase::Confirming(_) | Phase::Erasing { .. } | Phase::Over, _) => {
                CollectProgress::Wait
            }
        }
    }

    /// Ends it although replies are outstanding.
    pub fn give_up(
        &mut self,
        proposer: &mut Proposer<K, VersionedValue<V>>,
        reason: Reason,
    ) -> CollectionOutcome {
        if let Phase::Confirming(round) = &mut self.phase
            && let Some(end) = round.give_up(reason)
        {
            proposer.finish(self.key.clone(), &end);
        }
        self.phase = Phase::Over;
        CollectionOutcome::Unfinished(reason)
    }

    fn follow(
        &mut self,
        proposer: &mut Proposer<K, VersionedValue<V>>,
        progress: Progress<VersionedValue<V>, Option<u64>>,
    ) -> CollectProgress<V> {
        match progress {
            Progress::Wait => CollectProgress::Wait,
            Progress::Send(requests) => CollectProgress::Send(requests),
            Progress::Decide(present) => {
                let Phase::Confirming(round) = &mut self.phase else {
                    return CollectProgress::Wait;
                };
                // A value is confirmed too: an acceptor that has missed it would go on to ask for
                // a collection.
                let dead = present.as_ref().is_none_or(|cell| cell.value.is_none());
                let version = present.map_or(0, |cell| cell.version);
                let progress = round.decide(Decision::Keep(dead.then_some(version)));
                self.follow(proposer, progress)
            }
            Progress::Over(end) => self.confirmed(proposer, &end),
        }
    }

    fn confirmed(
        &mut self,
        proposer: &mut Proposer<K, VersionedValue<V>>,
        end: &End<VersionedValue<V>, Option<u64>>,
    ) -> CollectProgress<V> {
        proposer.finish(self.key.clone(), end);
        let version = match end.outcome {
            Outcome::Committed(Some(version)) => version,
            Outcome::Committed(None) => {
                self.phase = Phase::Over;
                return CollectProgress::Over(CollectionOutcome::Alive);
            }
            Outcome::NotApplied(reason) | Outcome::Unknown(reason) => {
                self.phase = Phase::Over;
                return CollectProgress::Over(CollectionOutcome::Unfinished(reason));
            }
        };
        let promise_floor = self.ballot.counter.max(version);
        let request = Request::Collect { tombstone: self.ballot, promise_floor };
        let requests = self.members.iter().map(|&acceptor| (acceptor, request.clone())).collect();
        self.phase = Phase::Erasing { waiting: self.members.clone(), lost: false };
        CollectProgress::Send(requests)
    }

    fn erased(&mut self) -> CollectProgress<V> {
        let Phase::Erasing { waiting, lost } = &self.phase else { return CollectProgress::Wait };
        if !waiting.is_empty() {
            return CollectProgress::Wait;
        }
        let end = if *lost {
            CollectionOutcome::Unfinished(Reason::Unreachable)
        } else {
            CollectionOutcome::Erased
        };
        self.phase = Phase::Over;
        CollectProgress::Over(end)
    }
}

#[cfg(test)]
impl<K, V: core::hash::Hash> Collection<K, V> {
    /// What it waits for.
    pub(crate) const fn stage(&self) -> Option<Stage> {
        match &self.phase {
            Phase::Confirming(round) => Some(round.phase.stage()),
            Phase::Erasing { .. } => Some(Stage::Collect),
            Phase::Over => None,
        }
    }

    /// What it knows of one acceptor.
    pub(crate) fn state(&self, acceptor: AcceptorId) -> (bool, bool, bool) {
        match &self.phase {
            Phase::Confirming(round) => round.phase.state(acceptor),
            Phase::Erasing { waiting, .. } => (waiting.contains(&acceptor), false, false),
            Phase::Over => (false, false, false),
        }
    }

    /// What it knows beside that.
    pub(crate) fn fingerprint(&self, hasher: &mut impl core::hash::Hasher) {
        core::hash::Hash::hash(&(self.ballot, core::mem::discriminant(&self.phase)), hasher);
        match &self.phase {
            Phase::Confirming(round) => round.phase.fingerprint(hasher),
            Phase::Erasing { lost, .. } => core::hash::Hash::hash(lost, hasher),
            Phase::Over => {}
        }
    }
}
