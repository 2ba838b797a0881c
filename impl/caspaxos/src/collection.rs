//! Collecting a tombstone, so that a deleted register takes no room (paper §3.1).
//!
//! First every acceptor accepts that the register is empty: an identity change with the accept quorum
//! of all. From then on no acceptor holds an older value that could rise again. Then each is told
//! to raise its promise_floor and to erase the register, if it holds that very ballot still: see
//! [`crate::Member`] for what the promise_floor is good for. Each acceptor takes both in one step, so nothing
//! waits for the others. Whatever is left undone, a later collection does: it changes nothing
//! twice.

use crate::machine::{Progress, Requests};
use crate::round::{End, Proposal, Round};
use crate::{
    AcceptorId, Ballot, Outcome, Proposer, Reason, Reply, Request, Rules, Stage, VersionedValue,
};
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
    Confirming(Round<V, Option<u64>>),
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
    /// Starts to collect a register. No other round of the key may be open on this proposer. `None` when it
    /// can count no further.
    pub fn begin(proposer: &mut Proposer<K, V>, key: K) -> Option<(Self, CollectProgress<V>)> {
        let (round, progress) = proposer.begin_with_all(&key)?;
        let (ballot, epoch) = (round.ballot(), round.configuration().epoch());
        let members = round.configuration().members();
        let phase = Phase::Confirming(round);
        let mut this = Self { key, ballot, epoch, members, phase };
        let progress = this.follow(proposer, progress);
        Some((this, progress))
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
        proposer: &mut Proposer<K, V>,
        from: AcceptorId,
        reply: Reply<VersionedValue<V>>,
    ) -> CollectProgress<V> {
        match &mut self.phase {
            Phase::Confirming(round) => {
                let progress = round.on_reply(from, self.ballot, reply, confirm);
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
        proposer: &mut Proposer<K, V>,
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
    pub fn give_up(&mut self, proposer: &mut Proposer<K, V>, reason: Reason) -> CollectionOutcome {
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
        proposer: &mut Proposer<K, V>,
        progress: Progress<V, End<V, Option<u64>>>,
    ) -> CollectProgress<V> {
        match progress {
            Progress::Wait => CollectProgress::Wait,
            Progress::Send(Requests { requests, .. }) => CollectProgress::Send(requests),
            Progress::Done(end) => self.confirmed(proposer, &end),
        }
    }

    fn confirmed(
        &mut self,
        proposer: &mut Proposer<K, V>,
        end: &End<V, Option<u64>>,
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
        let promise_floor = proposer.rules().floor_of_collection(self.ballot.counter, version);
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

/// Commits what is present once more, and answers the version of a tombstone. A value is confirmed too: an
/// acceptor that has missed it would go on to ask for a collection.
fn confirm<V>(
    _: &dyn Rules,
    _: Ballot,
    present: VersionedValue<V>,
) -> Option<Proposal<V, Option<u64>>> {
    let answer = present.value.is_none().then_some(present.version);
    Some(Proposal { next: None, answer })
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
