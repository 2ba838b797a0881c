//! Proposers: one change of a key at a time, round after round until it ends.
//!
//! What a real store does around the protocol (`Store::change` of `impl/gryadka`) is done here on
//! virtual time: the queue of a key, the waits between rounds, how long a conflict is followed, the
//! deadline. Changes that wait for
//! the same key are not combined, because the store does not do so yet.

use super::network::{Origin, Words, note};
use super::{Event, Key, World};
use crate::change::{Held, Told, step};
use crate::message::{OpId, Phase};
use crate::mutants::Flaw;
use crate::situation::Situation;
use caspaxos::{
    AcceptorId, Delivery, End, Outcome, Progress, Proposer, ProposerId, Reply, Request, Round, Why,
};
use harness_history::Outcome as Ending;
use rand::RngExt;
use rand_pcg::Pcg32;
use std::collections::{BTreeMap, VecDeque};

/// The bounds of the waits between the rounds of one change, as the store has them: the first, and
/// the longest, in nanoseconds. Each wait is drawn between zero and its bound, which doubles.
const BACKOFF: (u64, u64) = (2_000_000, 100_000_000);

/// The least time that the other replies are waited for after a conflict, in nanoseconds, as the
/// store has it.
const CONFLICT_PATIENCE: u64 = 5_000_000;

/// The process of one proposer.
#[derive(Debug)]
pub(super) struct Process {
    /// None while it is down.
    proposer: Option<Proposer<Key, Held>>,
    /// How often it has crashed.
    life: u32,
    keys: BTreeMap<Key, Slot>,
    /// What a paused one has yet to take up.
    pub(super) hold: Option<Vec<Event>>,
}

/// The changes of one key.
#[derive(Debug, Default)]
struct Slot {
    open: Option<Open>,
    /// Each with its deadline.
    waiting: VecDeque<(OpId, u64)>,
}

/// The change under way.
#[derive(Debug)]
struct Open {
    op: OpId,
    attempt: u32,
    backoff: u64,
    deadline: u64,
    /// None between two rounds.
    round: Option<Round<Held, Told>>,
    from_cache: bool,
    /// When the present phase's requests were sent.
    sent: u64,
    /// When the replies that a conflict left outstanding are waited for no longer.
    patience: Option<u64>,
    /// Whether its accepts have been sent.
    accepting: bool,
    /// What the acceptors did with this round's accepts, told or not.
    accepted: u32,
    refused: u32,
}

impl Process {
    pub(super) const fn new(proposer: Proposer<Key, Held>) -> Self {
        Self { proposer: Some(proposer), life: 0, keys: BTreeMap::new(), hold: None }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.proposer.is_some()
    }

    /// The change under way of this key, if it is this operation's.
    fn open(&mut self, key: &Key, op: OpId) -> Option<&mut Open> {
        self.keys.get_mut(key)?.open.as_mut().filter(|open| open.op == op)
    }
}

impl World<'_> {
    /// A proposer that has just been started.
    pub(super) fn newborn(&self, id: ProposerId) -> Proposer<Key, Held> {
        let repeats = self.setup.repeats;
        let delivery = if repeats { Delivery::MayRepeat } else { Delivery::AtMostOnce };
        Proposer::new(id, self.setup.configuration(), self.setup.cache)
            .with_delivery(delivery)
            .with_rules(self.rules.clone())
    }

    fn process(&mut self, proposer: u32) -> &mut Process {
        &mut self.processes[proposer as usize - 1]
    }

    /// Whose operation it is, and about which key.
    fn place(&self, op: OpId) -> Option<(u32, Key)> {
        let operation = self.operations.get(&op)?;
        Some((operation.proposer, operation.key.clone()))
    }

    pub(super) fn start(&mut self, op: OpId) {
        let Some((proposer, key)) = self.place(op) else { return };
        let patience = self.setup.deadline.saturating_mul(self.setup.clock(proposer)) / 1000;
        let (life, deadline) = (self.process(proposer).life, self.now.saturating_add(patience));
        self.put_after(patience, Event::Deadline { op, life });
        self.process(proposer)
            .keys
            .entry(key.clone())
            .or_default()
            .waiting
            .push_back((op, deadline));
        self.open_next(proposer, &key);
    }

    /// Takes up the next change of a key, if none is under way.
    fn open_next(&mut self, proposer: u32, key: &Key) {
        let Some(slot) = self.process(proposer).keys.get_mut(key) else { return };
        if slot.open.is_some() {
            return;
        }
        let Some((op, deadline)) = slot.waiting.pop_front() else { return };
        slot.open = Some(Open {
            op,
            attempt: 0,
            backoff: BACKOFF.0,
            deadline,
            round: None,
            from_cache: false,
            sent: 0,
            patience: None,
            accepting: false,
            accepted: 0,
            refused: 0,
        });
        self.begin_round(proposer, key);
    }

    fn begin_round(&mut self, proposer: u32, key: &Key) {
        let process = self.process(proposer);
        let Some(core) = &mut process.proposer else { return };
        let Some(open) = process.keys.get_mut(key).and_then(|slot| slot.open.as_mut()) else {
            return;
        };
        let (round, progress) = core.begin(key);
        open.from_cache = matches!(progress, Progress::Decide(_));
        (open.accepting, open.accepted, open.refused) = (false, 0, 0);
        open.round = Some(round);
        let op = open.op;
        self.drive(proposer, key, op, progress);
    }

    /// Does what a round asks for, until it waits or is over.
    fn drive(&mut self, proposer: u32, key: &Key, op: OpId, progress: Progress<Held, Told>) {
        let mut progress = progress;
        loop {
            progress = match progress {
                Progress::Wait => return,
                Progress::Send(requests) => return self.send(proposer, key, op, requests),
                Progress::Over(end) => return self.finish(proposer, key, op, &end),
                Progress::Decide(present) => {
                    let versioned = self.versioned();
                    let Some(operation) = self.operations.get(&op) else { return };
                    let step = step(&operation.call, versioned, present.as_ref());
                    let open = self.process(proposer).open(key, op);
                    let Some(round) = open.and_then(|open| open.round.as_mut()) else { return };
                    round.decide(step)
                }
            };
        }
    }

    fn send(
        &mut self,
        proposer: u32,
        key: &Key,
        op: OpId,
        requests: Vec<(AcceptorId, Request<Held>)>,
    ) {
        let now = self.now;
        let process = self.process(proposer);
        let life = process.life;
        let Some(open) = process.open(key, op) else { return };
        let attempt = open.attempt;
        (open.sent, open.patience) = (now, None);
        open.accepting =
            requests.iter().any(|(_, request)| matches!(request, Request::Accept { .. }));
        for (AcceptorId(acceptor), request) in requests {
            let (phase, ballot) = (Phase::from(request.stage()), request.ballot());
            let key = key.clone();
            let origin =
                Origin { op, attempt, phase, proposer, life, acceptor, copy: 0, key, ballot };
            self.send_request(origin, request);
        }
    }

    pub(super) fn on_reply(&mut self, origin: Origin, reply: Reply<Held>) {
        note(&mut self.record, self.now, &origin, "←", &Words::Reply(&reply), &"");
        if matches!(reply, Reply::Conflict(_)) {
            self.record.met(Situation::PrepareConflict);
        }
        let Origin { op, attempt, proposer, life, acceptor, ballot, key, .. } = origin;
        let (now, clock) = (self.now, self.setup.clock(proposer));
        let process = self.process(proposer);
        if process.life != life {
            return;
        }
        let open = process.open(&key, op).filter(|open| open.attempt == attempt);
        let Some((open, mut round)) = open.and_then(|open| open.round.take().map(|it| (open, it)))
        else {
            self.record.met(Situation::LateReply);
            return;
        };
        let conflict = matches!(reply, Reply::Conflict(_) | Reply::Refused(_));
        let progress = round.on_reply(AcceptorId(acceptor), ballot, reply);
        open.round = Some(round);
        if conflict {
            let wait = ((now - open.sent) * 4).max(CONFLICT_PATIENCE * clock / 1000);
            open.patience = Some(now + wait).filter(|until| *until < open.deadline);
            if open.patience.is_some() {
                self.put_after(wait, Event::Patience { op, life, attempt });
            }
        }
        self.drive(proposer, &key, op, progress);
    }

    /// One silent acceptor must not hold up a contended key until the deadline.
    pub(super) fn on_patience(&mut self, op: OpId, life: u32, attempt: u32) {
        let Some((proposer, key)) = self.place(op) else { return };
        let now = self.now;
        let process = self.process(proposer);
        if process.life != life {
            return;
        }
        let open = process.open(&key, op).filter(|open| open.attempt == attempt);
        let open = open.filter(|open| open.patience.is_some_and(|until| until <= now));
        let end = open
            .and_then(|open| open.round.as_mut())
            .and_then(|round| round.give_up(Why::Conflict));
        if let Some(end) = end {
            self.record.met(Situation::GivenUpAfterConflict);
            self.finish(proposer, &key, op, &end);
        }
    }

    pub(super) fn on_lost(&mut self, origin: Origin, delivered: bool) {
        let end = if delivered { "may have arrived" } else { "never left" };
        self.record.line(self.now, || {
            let Origin { op, proposer, acceptor, phase, .. } = &origin;
            format!("p{proposer} ← a{acceptor}  nothing: its {phase:?} for {op} {end}")
        });
        let Origin { op, attempt, phase, proposer, life, acceptor, key, .. } = origin;
        let sets_back = self.has(Flaw::SetsCounterBack);
        let process = self.process(proposer);
        if process.life != life {
            return;
        }
        if sets_back && let Some(core) = &mut process.proposer {
            core.set_counter(0);
        }
        let open = process.open(&key, op).filter(|open| open.attempt == attempt);
        let Some(round) = open.and_then(|open| open.round.as_mut()) else { return };
        let progress = round.on_lost(AcceptorId(acceptor), phase.into(), delivered);
        self.drive(proposer, &key, op, progress);
    }

    /// Notes what an acceptor did with an accept, for the situations that a run came into.
    pub(super) fn follow_vote(&mut self, origin: &Origin, reply: &Reply<Held>) {
        let answered = self.operations.get(&origin.op).is_some_and(|op| op.answered);
        let mut met = None;
        let open = self.processes[origin.proposer as usize - 1].open(&origin.key, origin.op);
        let open = open.filter(|open| open.attempt == origin.attempt);
        match (reply, open) {
            (Reply::Accepted, Some(open)) => open.accepted += 1,
            (Reply::Refused(held), Some(open)) => {
                open.refused += 1;
                let foreign = held.accepted.proposer != origin.ballot.proposer;
                if open.from_cache && foreign && held.accepted > origin.ballot {
                    met = Some(Situation::CachedAcceptAfterForeignWrite);
                }
            }
            (Reply::Accepted, None) if answered => met = Some(Situation::LateAccept),
            (
                Reply::Accepted
                | Reply::Refused(_)
                | Reply::Promise { .. }
                | Reply::Conflict(_)
                | Reply::Current { .. }
                | Reply::Installed
                | Reply::Collected(_),
                _,
            ) => {}
        }
        if let Some(met) = met {
            self.record.met(met);
        }
    }

    fn finish(&mut self, proposer: u32, key: &Key, op: OpId, end: &End<Held, Told>) {
        let acceptors = self.setup.acceptors;
        let process = &mut self.processes[proposer as usize - 1];
        if let Some(core) = &mut process.proposer {
            core.finish(key.clone(), end);
        }
        let Some(open) = process.open(key, op) else { return };
        open.round = None;
        let committed = matches!(end.outcome, Outcome::Committed(_));
        if !committed && open.accepted > 0 && open.refused > 0 {
            self.record.met(Situation::ConflictAfterPartialAccept);
        }
        if matches!(end.outcome, Outcome::NotApplied(Why::Conflict)) && open.refused >= acceptors {
            self.record.met(Situation::RefusedByAll);
        }
        if committed && open.from_cache {
            self.record.met(Situation::OneRoundTrip);
        }
        match &end.outcome {
            Outcome::Committed(told) => {
                let (outcome, value) = (told.outcome, told.value.clone());
                self.close(proposer, key, op, outcome, Some(&value), None);
            }
            Outcome::Unknown(why) => {
                self.close(proposer, key, op, Ending::Info, None, Some(reason(*why)));
            }
            Outcome::NotApplied(why) => self.not_applied(proposer, key, op, *why),
        }
    }

    /// Tries again after a wait, within the deadline.
    fn not_applied(&mut self, proposer: u32, key: &Key, op: OpId, why: Why) {
        let now = self.now;
        let clock = self.setup.clock(proposer);
        let seed = self.seed;
        let process = &mut self.processes[proposer as usize - 1];
        let life = process.life;
        let Some(open) = process.open(key, op) else { return };
        let wait = draw_wait(seed, op, open.attempt, open.backoff).saturating_mul(clock) / 1000;
        if why == Why::Deadline || now + wait >= open.deadline {
            self.close(proposer, key, op, Ending::Fail, None, Some(reason(why)));
            return;
        }
        open.attempt += 1;
        open.backoff = (open.backoff * 2).min(BACKOFF.1);
        self.record.met(Situation::TriedAgain);
        self.put_after(wait, Event::Retry { op, life });
    }

    pub(super) fn on_retry(&mut self, op: OpId, life: u32) {
        let Some((proposer, key)) = self.place(op) else { return };
        let process = self.process(proposer);
        let between = process.open(&key, op).is_some_and(|open| open.round.is_none());
        if process.life == life && between {
            self.begin_round(proposer, &key);
        }
    }

    pub(super) fn on_deadline(&mut self, op: OpId, life: u32) {
        let Some((proposer, key)) = self.place(op) else { return };
        let process = self.process(proposer);
        if process.life != life {
            return;
        }
        let Some(slot) = process.keys.get_mut(&key) else { return };
        if let Some(at) = slot.waiting.iter().position(|(waiting, _)| *waiting == op) {
            slot.waiting.remove(at);
            self.answer(op, Ending::Fail, None, Some("the deadline came before its turn"));
            return;
        }
        let Some(open) = process.open(&key, op) else { return };
        if open.accepting && open.round.is_some() {
            self.record.met(Situation::DeadlineInAccept);
        }
        let open = self.processes[proposer as usize - 1].open(&key, op);
        match open
            .and_then(|open| open.round.as_mut())
            .and_then(|round| round.give_up(Why::Deadline))
        {
            Some(end) => self.finish(proposer, &key, op, &end),
            None => {
                let error = Some(reason(Why::Deadline));
                self.close(proposer, &key, op, Ending::Fail, None, error);
            }
        }
    }

    /// Ends a change and takes up the next of its key.
    fn close(
        &mut self,
        proposer: u32,
        key: &Key,
        op: OpId,
        outcome: Ending,
        value: Option<&harness_history::Value>,
        error: Option<&str>,
    ) {
        if let Some(slot) = self.process(proposer).keys.get_mut(key) {
            slot.open = None;
        }
        self.answer(op, outcome, value, error);
        self.open_next(proposer, key);
    }

    /// The process dies; whoever waited for it will never know.
    pub(super) fn crash_proposer(&mut self, proposer: u32) {
        let process = self.process(proposer);
        process.life += 1;
        process.proposer = None;
        process.hold = None;
        let keys = std::mem::take(&mut process.keys);
        if keys.values().any(|slot| slot.open.as_ref().is_some_and(|open| open.round.is_some())) {
            self.record.met(Situation::CrashInRound);
        }
        let waits = |(op, operation): (&OpId, &super::Operation)| {
            (operation.proposer == proposer && !operation.answered).then_some(*op)
        };
        let orphans: Vec<OpId> = self.operations.iter().filter_map(waits).collect();
        for op in orphans {
            self.answer(op, Ending::Info, None, Some("its proposer crashed"));
        }
    }

    pub(super) fn restart_proposer(&mut self, proposer: u32) {
        if self.process(proposer).is_up() {
            return;
        }
        let id =
            if self.has(Flaw::ReusesId) { ProposerId(proposer.into()) } else { self.fresh_id() };
        let newborn = self.newborn(id);
        self.process(proposer).proposer = Some(newborn);
    }
}

const fn reason(why: Why) -> &'static str {
    match why {
        Why::Conflict => "conflict with another proposer",
        Why::Unreachable => "too few acceptors answered",
        Why::Deadline => "the deadline came first",
    }
}

/// The wait after a round, from the seed and the round's name alone: leaving out other operations
/// does not change it.
fn draw_wait(seed: u64, op: OpId, attempt: u32, bound: u64) -> u64 {
    let name = u64::from(op.client) << 48 | u64::from(op.number) << 16 | u64::from(attempt);
    Pcg32::new(seed, name).random_range(0..=bound)
}
