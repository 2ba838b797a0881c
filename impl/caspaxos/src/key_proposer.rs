//! All that one proposer has under way for one key.
//!
//! **Combining.** Changes that wait for the key share a round: they are applied in the order in which
//! they were asked for, each to what the one before it made, and the last value is proposed. That
//! is one change function composed of several, so a round is as safe with it as with one; each
//! caller gets its own answer, and none before the round has ended. Reads among them are answered
//! by it too.
//!
//! **Doubts.** An accept that reached some acceptors, but no quorum, leaves its changes in doubt.
//! They are not answered: the next round looks for its ballot in the [`crate::Lineage`] of the
//! present value. If it is there, they have happened, and once this round commits that is certain;
//! if not, they are applied again. A committed value has one line of ancestors, so nothing is
//! applied twice. Only a deadline, or a lineage that has forgotten, makes them *unknown*.
//!
//! **Contention.** After a round without a quorum the key_proposer waits, drawn between zero and a bound that
//! doubles ("full jitter"), and the changes that come meanwhile join. After a conflict the other
//! replies are waited for only a while: one silent acceptor must not hold up a contended key.
//!
//! The driver hands in time, carries requests, and calls [`KeyProposer::on_time`] when [`KeyProposer::wake`] says.

#[cfg(test)]
mod fingerprint;
mod job;
#[cfg(test)]
mod tests;

pub use job::{Change, Present};

use crate::machine::{Progress, Requests};
use crate::round::{End, Proposal, Round};
use crate::{
    AcceptorId, Ballot, Outcome, Proposer, Reason, Reply, Request, Rules, Stage, VersionedValue,
};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use job::Job;

/// The bounds of the waits between rounds, in nanoseconds: the first, and the longest.
const BACKOFF: (u64, u64) = (1_000_000, 100_000_000);

/// The least time that the other replies are waited for after a conflict, in nanoseconds. Beyond it
/// the wait is four times as long as the conflict took.
const CONFLICT_TIMEOUT: u64 = 5_000_000;

/// How far a proposer counts ahead after a conflict. Whoever holds the key meanwhile counts on with
/// every round, so one past the ballot that was shown would be outrun before it arrives, again and
/// again. In the shortest wait a fast one counts to about this.
const COUNTER_JUMP: u64 = 64;

/// How many changes share a round at most.
const MAX_SHARED_CHANGES: usize = 256;

/// The changes of one key on one proposer. Cheap to make, and to drop when [`KeyProposer::is_idle`].
#[derive(Debug, Clone)]
pub struct KeyProposer<C, V> {
    /// Not in a round, or in one that has not decided yet.
    waiting: VecDeque<Job<C>>,
    open: Option<Open<C, V>>,
    backoff: u64,
    retry: Option<u64>,
}

/// The round under way.
#[derive(Debug, Clone)]
struct Open<C, V> {
    round: Round<V, ()>,
    /// Those whose changes the accepts carry.
    jobs: Vec<Job<C>>,
    /// When the requests of the present phase were sent.
    sent: u64,
    timeout: Option<u64>,
}

/// What a key proposer needs for one step.
pub struct Context<'a, K, C, V> {
    /// The proposer, which all keys share.
    pub proposer: &'a mut Proposer<K, V>,
    /// The key.
    pub key: &'a K,
    /// The time, in nanoseconds.
    pub now: u64,
    /// Draws a number between zero and this one.
    pub draw: &'a mut dyn FnMut(u64) -> u64,
    /// Takes what is to be done, in order.
    pub effects: &'a mut Vec<Effect<C, V>>,
}

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect<C, V> {
    /// Send these requests under this epoch, and hand each reply in with the ballot.
    Send {
        /// The epoch of the round.
        epoch: u64,
        /// The ballot of the round.
        ballot: Ballot,
        /// To whom goes what.
        requests: Vec<(AcceptorId, Request<VersionedValue<V>>)>,
    },
    /// Answer whoever asked for this change.
    Settle(C, Outcome<usize>),
}

impl<C, V> Default for KeyProposer<C, V> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), open: None, backoff: BACKOFF.0, retry: None }
    }
}

impl<C: Change<V>, V: Clone> KeyProposer<C, V> {
    /// Nothing waits, and no round is open.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.open.is_none()
    }

    /// When [`KeyProposer::on_time`] must be called, at the latest.
    #[must_use]
    pub fn wake(&self) -> Option<u64> {
        let voting = self.open.iter().flat_map(|open| &open.jobs);
        let deadlines = self.waiting.iter().chain(voting).map(|job| job.deadline);
        let timeout = self.open.as_ref().and_then(|open| open.timeout);
        deadlines.chain(timeout).chain(self.retry).min()
    }

    /// When a round is to be begun, or the one under way given up, whatever the deadlines.
    #[must_use]
    pub fn alarm(&self) -> Option<u64> {
        self.open.as_ref().map_or(self.retry, |open| open.timeout)
    }

    /// The ballot of the round under way, and whether its accepts are out.
    #[must_use]
    pub fn round(&self) -> Option<(Ballot, bool)> {
        self.open.as_ref().map(|open| (open.round.ballot(), open.round.is_accepting()))
    }

    /// The changes that the round under way proposes, in order; none before it has decided.
    pub fn proposed(&self) -> impl Iterator<Item = &C> {
        self.open.iter().flat_map(|open| open.jobs.iter().map(|job| &job.change))
    }

    /// The changes that wait for a round, in order.
    pub fn queued(&self) -> impl Iterator<Item = &C> {
        self.waiting.iter().map(|job| &job.change)
    }

    /// Takes up a change, which is to end by this time.
    pub fn submit<K: Ord + Clone>(
        &mut self,
        context: &mut Context<'_, K, C, V>,
        change: C,
        deadline: u64,
    ) {
        self.waiting.push_back(Job::new(change, deadline));
        self.go_on(context);
    }

    /// Takes a reply to a request that was sent under `ballot`.
    pub fn on_reply<K: Ord + Clone>(
        &mut self,
        context: &mut Context<'_, K, C, V>,
        from: AcceptorId,
        ballot: Ballot,
        reply: Reply<VersionedValue<V>>,
    ) {
        let Some(open) = &mut self.open else { return };
        // An accept may overtake its own prepare, which then meets what the accept left.
        let conflict = match &reply {
            Reply::Conflict(_) => !open.round.is_accepting(),
            Reply::Refused(_) => open.round.is_accepting(),
            Reply::Promise { .. }
            | Reply::Accepted
            | Reply::Current { .. }
            | Reply::Collected(_) => false,
        };
        if conflict && ballot == open.round.ballot() && open.timeout.is_none() {
            let wait = context.now.saturating_sub(open.sent).saturating_mul(4);
            open.timeout = Some(context.now.saturating_add(wait.max(CONFLICT_TIMEOUT)));
        }
        let Open { round, jobs, .. } = open;
        let (waiting, effects) = (&mut self.waiting, &mut *context.effects);
        let progress = round.on_reply(from, ballot, reply, |rules, ballot, seen| {
            decide(waiting, jobs, effects, rules, ballot, seen)
        });
        self.follow(context, progress);
    }

    /// Says that no reply to a request of this stage, sent under `ballot`, will come from this
    /// acceptor; `delivered` as in [`Round::on_error`].
    pub fn on_error<K: Ord + Clone>(
        &mut self,
        context: &mut Context<'_, K, C, V>,
        from: AcceptorId,
        (ballot, stage): (Ballot, Stage),
        may_have_executed: bool,
    ) {
        let Some(open) = self.open.as_mut().filter(|open| open.round.ballot() == ballot) else {
            return;
        };
        let progress = open.round.on_error(from, stage, may_have_executed);
        self.follow(context, progress);
    }

    /// Does what is due: deadlines, the end of the timeout after a conflict, the next try.
    pub fn on_time<K: Ord + Clone>(&mut self, context: &mut Context<'_, K, C, V>) {
        let now = context.now;
        if self.waiting.iter().any(|job| job.deadline <= now) {
            let (due, rest) =
                self.waiting.drain(..).partition::<Vec<_>, _>(|job| job.deadline <= now);
            self.waiting.extend(rest);
            for job in due {
                let end = job.ended(false);
                context.effects.push(Effect::Settle(job.change, end));
            }
        }
        if let Some(open) = &mut self.open {
            let accepting = open.round.is_accepting();
            for job in open.jobs.extract_if(.., |job| job.deadline <= now) {
                let end = job.ended(accepting);
                context.effects.push(Effect::Settle(job.change, end));
            }
            // A round that no caller waits for must not keep the key.
            let deserted = if accepting { open.jobs.is_empty() } else { self.waiting.is_empty() };
            let reason = match open.timeout {
                _ if deserted => Some(Reason::Deadline),
                Some(until) if until <= now => Some(Reason::Conflict),
                Some(_) | None => None,
            };
            if let Some(end) = reason.and_then(|reason| open.round.give_up(reason)) {
                self.finish(context, &end);
            }
        }
        self.go_on(context);
    }

    /// Begins a round if one is wanted and its time has come.
    fn go_on<K: Ord + Clone>(&mut self, context: &mut Context<'_, K, C, V>) {
        if self.waiting.is_empty() {
            // The changes that the next try was for have ended; there is nothing to be woken for.
            self.retry = None;
        }
        let early = self.retry.is_some_and(|retry| retry > context.now);
        if self.open.is_some() || self.waiting.is_empty() || early {
            return;
        }
        self.retry = None;
        let (mut jobs, sent) = (Vec::new(), context.now);
        let (waiting, effects) = (&mut self.waiting, &mut *context.effects);
        let begun = context.proposer.begin(context.key, |rules, ballot, seen| {
            decide(waiting, &mut jobs, effects, rules, ballot, seen)
        });
        let Some((round, progress)) = begun else {
            for job in self.waiting.drain(..) {
                let end = job.ended_for(Reason::CounterUsedUp);
                context.effects.push(Effect::Settle(job.change, end));
            }
            return;
        };
        self.open = Some(Open { round, jobs, sent, timeout: None });
        self.follow(context, progress);
    }

    fn follow<K: Ord + Clone>(
        &mut self,
        context: &mut Context<'_, K, C, V>,
        progress: Progress<V, End<V, ()>>,
    ) {
        match progress {
            Progress::Wait => {}
            Progress::Send(Requests { epoch, ballot, requests }) => {
                let Some(open) = &mut self.open else { return };
                (open.sent, open.timeout) = (context.now, None);
                context.effects.push(Effect::Send { epoch, ballot, requests });
            }
            Progress::Done(end) => {
                self.finish(context, &end);
                self.go_on(context);
            }
        }
    }

    fn finish<K: Ord + Clone>(&mut self, context: &mut Context<'_, K, C, V>, end: &End<V, ()>) {
        context.proposer.finish(context.key.clone(), end);
        let Some(mut open) = self.open.take() else { return };
        let (reason, doubt) = match end.outcome {
            Outcome::Committed(()) => {
                self.backoff = BACKOFF.0;
                for job in open.jobs {
                    let end = Outcome::Committed(job.application());
                    context.effects.push(Effect::Settle(job.change, end));
                }
                return;
            }
            Outcome::NotApplied(reason) => (reason, None),
            Outcome::Unknown(reason) => (reason, Some(open.round.ballot())),
        };
        // Those in doubt go first: their changes may already be in what the next round finds.
        for mut job in open.jobs.drain(..).rev() {
            job.left(doubt);
            self.waiting.push_front(job);
        }
        for job in &mut self.waiting {
            job.last = reason;
        }
        if self.waiting.is_empty() {
            return;
        }
        if reason == Reason::Conflict {
            context.proposer.jump_counter(COUNTER_JUMP * (self.backoff / BACKOFF.0));
        }
        self.retry = Some(context.now.saturating_add((context.draw)(self.backoff)));
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
    }
}

/// Applies the waiting changes to what a round has found, one to what the other made of it. Those that take
/// part become the round's. `None` where none does: the round must not keep the key for nothing.
fn decide<C: Change<V>, V: Clone>(
    waiting: &mut VecDeque<Job<C>>,
    jobs: &mut Vec<Job<C>>,
    effects: &mut Vec<Effect<C, V>>,
    rules: &dyn Rules,
    ballot: Ballot,
    seen: VersionedValue<V>,
) -> Option<Proposal<V, ()>> {
    let mut present = seen.clone();
    for mut job in waiting.drain(..waiting.len().min(MAX_SHARED_CHANGES)) {
        match job.take_part(rules, ballot, &seen, &mut present) {
            Ok(()) => jobs.push(job),
            Err(reason) => {
                let end = job.ended_for(reason);
                effects.push(Effect::Settle(job.change, end));
            }
        }
    }
    if jobs.is_empty() {
        return None;
    }
    let puts = jobs.iter().any(Job::puts);
    if puts {
        present.lineage = rules.lineage_of_put(&present.lineage, ballot);
    }
    if !rules.answers_after_the_round() {
        let last = jobs.len() - 1;
        for job in jobs.drain(..last) {
            let end = Outcome::Committed(job.application());
            effects.push(Effect::Settle(job.change, end));
        }
    }
    Some(Proposal { next: puts.then_some(present), answer: () })
}
