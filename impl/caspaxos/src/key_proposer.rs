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
//! **Contention.** After a round without a quorum the key proposer waits, drawn between zero and a bound that
//! doubles ("full jitter"), and the changes that come meanwhile join. After a conflict the other
//! replies are waited for only a while: one silent acceptor must not hold up a contended key.

#[cfg(test)]
mod fingerprint;
mod job;
#[cfg(test)]
mod tests;

pub use job::{Change, Present};

use crate::round::{Proposal, Round, RoundResult};
use crate::{
    Ballot, Context, Machine, Outcome, Progress, Reason, Reply, RequestId, Requests, Rules,
    VersionedValue,
};
use alloc::collections::VecDeque;
use job::Job;

/// The bounds of the waits between rounds, in nanoseconds: the first, and the longest.
const BACKOFF: (u64, u64) = (1_000_000, 100_000_000);

/// The least time that the other replies are waited for after a conflict, in nanoseconds. Beyond it
/// the wait is four times as long as the conflict took.
const CONFLICT_TIMEOUT: u64 = 5_000_000;

/// How far a proposer counts ahead after a conflict. The proposer that holds the key meanwhile counts on with
/// every round, so one past the ballot that was shown would be outrun before it arrives, again and
/// again. In the shortest wait a fast one counts to about this.
const COUNTER_JUMP: u64 = 64;

/// How many changes share a round at most.
const MAX_SHARED_CHANGES: usize = 256;

/// The changes of one key on one proposer. Cheap to make, and to drop when [`KeyProposer::is_idle`].
#[derive(Debug, Clone)]
pub struct KeyProposer<C, V> {
    /// Not in a round, or in one that has not decided yet.
    pub(crate) waiting: VecDeque<Job<C>>,
    pub(crate) open: Option<Open<C, V>>,
    /// Their callers are to be told, which the next polls do.
    ended: VecDeque<Job<C>>,
    backoff: u64,
    retry: Option<u64>,
}

/// The round under way.
#[derive(Debug, Clone)]
pub(crate) struct Open<C, V> {
    pub(crate) round: Round<V>,
    /// Those whose changes the accepts carry.
    pub(crate) jobs: VecDeque<Job<C>>,
    /// What the next poll sends.
    requests: Option<Requests<V>>,
    /// When the requests of the present phase were sent.
    sent: u64,
    timeout: Option<u64>,
}

impl<C, V> Default for KeyProposer<C, V> {
    fn default() -> Self {
        let (waiting, ended) = (VecDeque::new(), VecDeque::new());
        Self { waiting, open: None, ended, backoff: BACKOFF.0, retry: None }
    }
}

impl<C, V> KeyProposer<C, V> {
    /// Nothing waits, no round is open, and every end has been polled.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.open.is_none() && self.ended.is_empty()
    }
}

impl<C: Change<V>, V: Clone> KeyProposer<C, V> {
    /// Takes up a change, which is to end by this time.
    pub fn submit<K: Ord + Clone>(
        &mut self,
        context: &mut Context<'_, K, V>,
        change: C,
        deadline: u64,
    ) {
        self.waiting.push_back(Job::new(change, deadline));
        self.go_on(context);
    }

    /// Begins a round if one is wanted and its time has come.
    fn go_on<K: Ord + Clone>(&mut self, context: &mut Context<'_, K, V>) {
        if self.waiting.is_empty() {
            // The changes that the next try was for have ended; there is nothing to be woken for.
            self.retry = None;
        }
        let early = self.retry.is_some_and(|retry| retry > context.now);
        if self.open.is_some() || self.waiting.is_empty() || early {
            return;
        }
        self.retry = None;
        let Some((mut round, cached)) = context.proposer.begin(context.key) else {
            for job in self.waiting.drain(..) {
                self.ended.push_back(job.end_for(Reason::CounterUsedUp));
            }
            return;
        };
        let (mut jobs, rules) = (VecDeque::new(), context.proposer.rules());
        let progress = round.start(cached, |ballot, seen| {
            decide((&mut self.waiting, &mut jobs, &mut self.ended), rules, ballot, seen)
        });
        let sent = context.now;
        self.open = Some(Open { round, jobs, requests: None, sent, timeout: None });
        self.follow(context, progress);
    }

    fn follow<K: Ord + Clone>(
        &mut self,
        context: &mut Context<'_, K, V>,
        progress: Progress<V, RoundResult<V>>,
    ) {
        match progress {
            Progress::Wait => {}
            Progress::Send(requests) => {
                let Some(open) = &mut self.open else { return };
                (open.sent, open.timeout) = (context.now, None);
                open.requests = Some(requests);
            }
            Progress::Done(result) => {
                self.finish(context, result);
                self.go_on(context);
            }
        }
    }

    fn finish<K: Ord + Clone>(&mut self, context: &mut Context<'_, K, V>, result: RoundResult<V>) {
        let outcome = result.outcome;
        context.proposer.finish(context.key.clone(), result);
        let Some(mut open) = self.open.take() else { return };
        let (reason, doubt) = match outcome {
            Outcome::Committed(()) => {
                self.backoff = BACKOFF.0;
                open.jobs.iter_mut().for_each(Job::commit);
                // The round's own list is handed on: a change that commits at once needs no other.
                let earlier = core::mem::replace(&mut self.ended, open.jobs);
                self.ended.extend(earlier);
                return;
            }
            Outcome::NotApplied(reason) => (reason, None),
            Outcome::Unknown(reason) => (reason, Some(open.round.ballot())),
        };
        // Those in doubt go first: their changes may already be in what the next round finds.
        for mut job in open.jobs.drain(..).rev() {
            job.leave(doubt);
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

    /// Ends the changes that are due, and the round under way if no caller waits for it or the other replies
    /// have been waited for long enough.
    fn end_what_is_due<K: Ord + Clone>(&mut self, context: &mut Context<'_, K, V>) {
        let now = context.now;
        end_due(&mut self.waiting, now, false, &mut self.ended);
        let Some(open) = &mut self.open else { return };
        let accepting = open.round.is_accepting();
        end_due(&mut open.jobs, now, accepting, &mut self.ended);
        // A round that no caller waits for must not keep the key.
        let deserted = if accepting { open.jobs.is_empty() } else { self.waiting.is_empty() };
        let reason = match open.timeout {
            _ if deserted => Reason::Deadline,
            Some(until) if until <= now => Reason::Conflict,
            Some(_) | None => return,
        };
        if let Some(result) = open.round.give_up(reason) {
            self.finish(context, result);
        }
    }
}

impl<K: Ord + Clone, C: Change<V>, V: Clone> Machine<K, V> for KeyProposer<C, V> {
    /// A change that has ended, and how.
    type Outcome = (C, Outcome<usize>);

    fn on_reply(
        &mut self,
        context: &mut Context<'_, K, V>,
        id: RequestId,
        reply: Reply<VersionedValue<V>>,
    ) {
        let Some(open) = &mut self.open else { return };
        // An accept may overtake its own prepare, which then meets what the accept left.
        let conflict = match &reply {
            Reply::Conflict(_) => !open.round.is_accepting(),
            Reply::Refused(_) => open.round.is_accepting(),
            Reply::Promise { .. } | Reply::Accepted | Reply::Current { .. } | Reply::Erased(_) => {
                false
            }
        };
        if conflict && id.ballot == open.round.ballot() && open.timeout.is_none() {
            let wait = context.now.saturating_sub(open.sent).saturating_mul(4);
            open.timeout = Some(context.now.saturating_add(wait.max(CONFLICT_TIMEOUT)));
        }
        let (Open { round, jobs, .. }, rules) = (open, context.proposer.rules());
        let progress = round.on_reply(id, reply, |ballot, seen| {
            decide((&mut self.waiting, jobs, &mut self.ended), rules, ballot, seen)
        });
        self.follow(context, progress);
    }

    fn on_error(
        &mut self,
        context: &mut Context<'_, K, V>,
        id: RequestId,
        may_have_executed: bool,
    ) {
        if let Some(open) = &mut self.open {
            let progress = open.round.on_error(id, may_have_executed);
            self.follow(context, progress);
        }
    }

    fn on_time(&mut self, context: &mut Context<'_, K, V>) {
        self.end_what_is_due(context);
        self.go_on(context);
    }

    fn poll(&mut self) -> Progress<V, Self::Outcome> {
        if let Some(job) = self.ended.pop_front() {
            return Progress::Done((job.change, job.outcome));
        }
        let requests = self.open.as_mut().and_then(|open| open.requests.take());
        requests.map_or(Progress::Wait, Progress::Send)
    }

    fn wake_at(&self) -> Option<u64> {
        self.open.as_ref().map_or(self.retry, |open| open.timeout)
    }
}

/// Ends those whose deadline has come. `accepting` says that accepts of their round are out.
fn end_due<C>(
    jobs: &mut VecDeque<Job<C>>,
    now: u64,
    accepting: bool,
    ended: &mut VecDeque<Job<C>>,
) {
    if jobs.iter().any(|job| job.deadline <= now) {
        for job in core::mem::take(jobs) {
            match job.deadline <= now {
                true => ended.push_back(job.expire(accepting)),
                false => jobs.push_back(job),
            }
        }
    }
}

/// The changes that wait, those of the round, and those that have ended.
type Lists<'a, C> = (&'a mut VecDeque<Job<C>>, &'a mut VecDeque<Job<C>>, &'a mut VecDeque<Job<C>>);

/// Applies the waiting changes to what a round has found, one to what the other made of it. Those that take
/// part become the round's. Where none does, the round must not keep the key for nothing.
fn decide<C: Change<V>, V: Clone>(
    (waiting, jobs, ended): Lists<'_, C>,
    rules: &dyn Rules,
    ballot: Ballot,
    seen: &VersionedValue<V>,
) -> Proposal<V> {
    let mut present = seen.clone();
    for mut job in waiting.drain(..waiting.len().min(MAX_SHARED_CHANGES)) {
        match job.take_part(rules, ballot, seen, &mut present) {
            Ok(()) => jobs.push_back(job),
            Err(reason) => ended.push_back(job.end_for(reason)),
        }
    }
    let puts = jobs.iter().any(Job::puts);
    if puts {
        present.lineage = rules.lineage_of_put(&present.lineage, ballot);
    }
    #[cfg(any(test, feature = "mutants"))]
    if !rules.answers_after_the_round() {
        job::answer_early(jobs, ended);
    }
    match puts {
        _ if jobs.is_empty() => Proposal::Withdraw,
        true => Proposal::Put(present),
        false => Proposal::Keep,
    }
}
