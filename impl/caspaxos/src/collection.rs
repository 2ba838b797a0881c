//! Collecting a tombstone, so that a deleted register takes no room (paper §3.1).
//!
//! First every acceptor accepts that the register is empty: an identity change with the accept quorum
//! of all. From then on no acceptor holds an older value that could rise again. Then each is told
//! to raise its promise floor and to erase the register, if it holds that very ballot still: see
//! [`crate::Member`] for what the promise floor is good for. Each acceptor takes both in one step, so nothing
//! waits for the others. Whatever is left undone, a later collection does: it changes nothing
//! twice. So a collection may end at any time.

#[cfg(test)]
mod fingerprint;

use crate::round::{Proposal, Round, RoundResult};
use crate::{
    AcceptorId, Ballot, Context, Machine, Outcome, Progress, Reason, Reply, Request, RequestId,
    Requests, Stage, VersionedValue,
};
use alloc::collections::BTreeSet;

/// The collection of one register under way.
#[derive(Debug, Clone)]
pub struct Collection<V> {
    phase: Phase<V>,
    deadline: u64,
    next: Progress<V, CollectionOutcome>,
}

#[derive(Debug, Clone)]
enum Phase<V> {
    /// The identity change, and the version of the tombstone that it was found to confirm.
    Confirming {
        round: Round<V>,
        tombstone: Option<u64>,
    },
    Erasing {
        ballot: Ballot,
        waiting: BTreeSet<AcceptorId>,
        lost: bool,
    },
    Over,
}

/// What a collection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionOutcome {
    /// No acceptor holds the register any more, unless it has been written since.
    Erased,
    /// There is a value, which every acceptor holds by now: nothing was to be collected.
    Alive,
    /// Not every acceptor could be asked. What is left, a later collection finds.
    Unfinished(Reason),
}

impl<V: Clone> Collection<V> {
    /// Starts to collect a register, until this time at most.
    pub fn begin<K: Ord + Clone>(context: &mut Context<'_, K, V>, deadline: u64) -> Self {
        let mut this = Self { phase: Phase::Over, deadline, next: Progress::Wait };
        match context.proposer.begin_with_all(context.key) {
            Some(mut round) => {
                this.next = Progress::Send(round.prepare());
                this.phase = Phase::Confirming { round, tombstone: None };
            }
            None => this.end(CollectionOutcome::Unfinished(Reason::CounterUsedUp)),
        }
        this
    }

    /// Ends although replies are outstanding.
    pub fn give_up<K: Ord + Clone>(&mut self, context: &mut Context<'_, K, V>, reason: Reason) {
        if let Phase::Confirming { round, .. } = &mut self.phase
            && let Some(result) = round.give_up(reason)
        {
            context.proposer.finish(context.key.clone(), result);
        }
        self.end(CollectionOutcome::Unfinished(reason));
    }

    fn end(&mut self, outcome: CollectionOutcome) {
        (self.phase, self.next) = (Phase::Over, Progress::Done(outcome));
    }

    fn follow<K: Ord + Clone>(
        &mut self,
        context: &mut Context<'_, K, V>,
        progress: Progress<V, RoundResult<V>>,
    ) {
        match progress {
            Progress::Wait => {}
            Progress::Send(requests) => self.next = Progress::Send(requests),
            Progress::Done(result) => self.confirmed(context, result),
        }
    }

    fn confirmed<K: Ord + Clone>(
        &mut self,
        context: &mut Context<'_, K, V>,
        result: RoundResult<V>,
    ) {
        let outcome = result.outcome;
        context.proposer.finish(context.key.clone(), result);
        let Phase::Confirming { round, tombstone } = &self.phase else { return };
        match (outcome, *tombstone) {
            (Outcome::Committed(()), Some(version)) => {
                let (ballot, waiting) = (round.ballot(), round.configuration().members());
                let rules = context.proposer.rules();
                let promise_floor = rules.floor_of_collection(ballot.counter, version);
                let request = Request::Collect { tombstone: ballot, promise_floor };
                let epoch = round.configuration().epoch();
                self.next = Progress::Send(Requests::to_all(&waiting, epoch, &request));
                self.phase = Phase::Erasing { ballot, waiting, lost: false };
            }
            (Outcome::Committed(()), None) => self.end(CollectionOutcome::Alive),
            (Outcome::NotApplied(reason) | Outcome::Unknown(reason), _) => {
                self.end(CollectionOutcome::Unfinished(reason));
            }
        }
    }

    /// Takes note that an acceptor has erased the register, or may not have.
    fn erased(&mut self, id: RequestId, is_lost: bool) {
        let Phase::Erasing { ballot, waiting, lost } = &mut self.phase else { return };
        if id.ballot != *ballot || id.stage != Stage::Collect || !waiting.remove(&id.acceptor) {
            return;
        }
        *lost |= is_lost;
        match (waiting.is_empty(), *lost) {
            (false, _) => {}
            (true, false) => self.end(CollectionOutcome::Erased),
            (true, true) => self.end(CollectionOutcome::Unfinished(Reason::Unreachable)),
        }
    }
}

impl<K: Ord + Clone, V: Clone> Machine<K, V> for Collection<V> {
    type Outcome = CollectionOutcome;

    fn on_reply(
        &mut self,
        context: &mut Context<'_, K, V>,
        id: RequestId,
        reply: Reply<VersionedValue<V>>,
    ) {
        match &mut self.phase {
            Phase::Confirming { round, tombstone } => {
                // A value is confirmed, too: an acceptor that has missed it would go on to ask for a collection.
                let progress = round.on_reply(id, reply, |_, present| {
                    *tombstone = present.value.is_none().then_some(present.version);
                    Proposal::Keep
                });
                self.follow(context, progress);
            }
            Phase::Erasing { .. } if matches!(reply, Reply::Erased(_)) => self.erased(id, false),
            Phase::Erasing { .. } | Phase::Over => {}
        }
    }

    fn on_error(
        &mut self,
        context: &mut Context<'_, K, V>,
        id: RequestId,
        may_have_executed: bool,
    ) {
        match &mut self.phase {
            Phase::Confirming { round, .. } => {
                let progress = round.on_error(id, may_have_executed);
                self.follow(context, progress);
            }
            Phase::Erasing { .. } => self.erased(id, true),
            Phase::Over => {}
        }
    }

    fn on_time(&mut self, context: &mut Context<'_, K, V>) {
        if self.deadline <= context.now {
            self.give_up(context, Reason::Deadline);
        }
    }

    fn poll(&mut self) -> Progress<V, CollectionOutcome> {
        self.next.take()
    }

    fn wake_at(&self) -> Option<u64> {
        None
    }
}
