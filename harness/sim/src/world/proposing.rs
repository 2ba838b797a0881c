//! Proposers: the key proposers of the store itself, on virtual time.
//!
//! A round is named by the first operation that waits for
//! it, so that its messages keep their names when other operations are left out.

use super::machines::{self, Answer, Sender};
use super::network::{Origin, Task};
use super::{Event, Key, World};
use crate::change::{Asked, Content, Shared, Told};
use crate::message::OpId;
use crate::mutants::Flaw;
use crate::situation::Situation;
use caspaxos::{
    Ballot, Context, KeyProposer, Lineage, Machine, Outcome, Progress, Proposer, ProposerId,
    Reason, Reply, Requests, Stage,
};
use gryadka_cluster::ClusterConfig;
use harness_history::Outcome as Ending;
use rand::RngExt;
use rand_pcg::Pcg32;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The process of one proposer.
#[derive(Debug)]
pub(super) struct Process {
    /// None while it is down.
    pub(super) proposer: Option<Proposer<Key, Shared>>,
    /// How often it has crashed.
    pub(super) life: u32,
    slots: BTreeMap<Key, Slot>,
    pub(super) readings: BTreeMap<OpId, super::reading::Open>,
    /// The configuration that it works under.
    pub(super) config: Rc<ClusterConfig>,
    /// How many errands its procedures have run, in all its lives.
    pub(super) errands: u32,
    /// When it last asked for the configuration, and how often it has.
    pub(super) learning: Option<(u64, u32)>,
    /// What a paused one has yet to take up.
    pub(super) hold: Option<Vec<Event>>,
}

/// The key proposer of one key, and what is followed of its rounds.
#[derive(Debug, Default)]
struct Slot {
    key_proposer: KeyProposer<Asked, Shared>,
    /// How many rounds have been named by each operation.
    named: BTreeMap<OpId, u32>,
    round: Round,
    /// In how many rounds each operation's change was proposed.
    proposed: BTreeMap<OpId, u32>,
    /// Operations whose change may have been accepted in a round that did not commit.
    doubted: BTreeSet<OpId>,
    /// When the changes under way are to end.
    deadlines: BTreeMap<OpId, u64>,
    /// When the key proposer will be woken.
    alarm: Option<u64>,
}

impl Slot {
    /// When something is due: for the key proposer, or for a caller.
    fn wake_at(&self) -> Option<u64> {
        let own = Machine::<Key, Shared>::wake_at(&self.key_proposer);
        self.deadlines.values().copied().chain(own).min()
    }
}

/// What is followed of the latest round.
#[derive(Debug, Default)]
struct Round {
    ballot: Option<Ballot>,
    name: Option<(OpId, u32)>,
    from_cache: bool,
    voting: bool,
    /// What the acceptors did with its accepts, told or not.
    accepted: u32,
    refused: u32,
}

impl Process {
    pub(super) const fn new(proposer: Proposer<Key, Shared>, config: Rc<ClusterConfig>) -> Self {
        Self {
            proposer: Some(proposer),
            life: 0,
            slots: BTreeMap::new(),
            readings: BTreeMap::new(),
            config,
            errands: 0,
            learning: None,
            hold: None,
        }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.proposer.is_some()
    }

    /// What is followed of the round with this name, if it is the latest of its key.
    fn round(&mut self, key: &Key, name: (OpId, u32)) -> Option<&mut Round> {
        let slot = self.slots.get_mut(key)?;
        let open = slot.key_proposer.round().is_some() && slot.round.name == Some(name);
        open.then_some(&mut slot.round)
    }
}

impl World<'_> {
    /// A proposer that has just been started.
    pub(super) fn newborn(&self, id: ProposerId) -> Proposer<Key, Shared> {
        let first = self.setup.voters().configuration(self.first.epoch);
        Proposer::new(id, first, self.setup.cache)
            .with_repeats(self.setup.repeats)
            .with_rules(self.rules.clone())
    }

    /// The time by a proposer's own clock.
    pub(super) fn by_clock(&self, proposer: u32, time: u64) -> u64 {
        let thousand = u128::from(time) * 1000 / u128::from(self.setup.clock(proposer).max(1));
        u64::try_from(thousand).unwrap_or(u64::MAX)
    }

    /// When a proposer's own clock shows this time.
    pub(super) fn off_clock(&self, proposer: u32, time: u64) -> u64 {
        let exact = (u128::from(time) * u128::from(self.setup.clock(proposer))).div_ceil(1000);
        u64::try_from(exact).unwrap_or(u64::MAX)
    }

    pub(super) fn start(&mut self, op: OpId) {
        let Some(operation) = self.operations.get(&op) else { return };
        let (proposer, key) = (operation.proposer, operation.key.clone());
        if !self.process(proposer).is_up() || operation_answered(self, op) {
            return;
        }
        if !self.begin_reading(op) {
            self.submit_call(op, proposer, &key);
        }
    }

    /// Gives a client's call to its key proposer.
    pub(super) fn submit_call(&mut self, op: OpId, proposer: u32, key: &Key) {
        let Some(operation) = self.operations.get(&op) else { return };
        let (call, expected) = (operation.call.clone(), operation.expected);
        let deadline = self.by_clock(proposer, operation.asked).saturating_add(self.setup.deadline);
        let asked = Asked { op, call, expected, pairs: self.pairs(), told: Vec::new() };
        self.submit(proposer, key, asked, deadline);
    }

    pub(super) fn submit(&mut self, proposer: u32, key: &Key, asked: Asked, deadline: u64) {
        let slot = self.process(proposer).slots.entry(key.clone()).or_default();
        slot.deadlines.insert(asked.op, deadline);
        self.step(proposer, key, |key_proposer, context| {
            key_proposer.submit(context, asked, deadline);
        });
    }

    /// Lets a key proposer do one step, and does what it asks for.
    fn step(
        &mut self,
        proposer: u32,
        key: &Key,
        step: impl FnOnce(&mut KeyProposer<Asked, Shared>, &mut Context<'_, Key, Shared>),
    ) {
        let (seed, now) = (self.seed, self.by_clock(proposer, self.now));
        let process = &mut self.processes[proposer as usize - 1];
        let (Some(core), Some(slot)) = (&mut process.proposer, process.slots.get_mut(key)) else {
            return;
        };
        let name = slot.round.name;
        let mut draw = |bound| name.map_or(0, |name| draw_wait(seed, name, bound));
        let context = &mut Context { proposer: core, key, now, draw: &mut draw };
        step(&mut slot.key_proposer, context);
        for progress in machines::polled(&mut slot.key_proposer) {
            match progress {
                Progress::Wait => {}
                Progress::Send(requests) => self.send_round(proposer, key, requests),
                Progress::Done((asked, end)) => self.settle(proposer, key, asked, end),
            }
        }
        self.set_alarm(proposer, key);
    }

    fn set_alarm(&mut self, proposer: u32, key: &Key) {
        let process = self.process(proposer);
        let life = process.life;
        let Some(slot) = process.slots.get(key) else { return };
        let (Some(wake), alarm) = (slot.wake_at(), slot.alarm) else { return };
        let at = self.off_clock(proposer, wake).max(self.now);
        if alarm.is_some_and(|alarm| alarm <= at) {
            return;
        }
        if let Some(slot) = self.process(proposer).slots.get_mut(key) {
            slot.alarm = Some(at);
        }
        self.queue.put(at, Event::Wake { proposer, life, key: key.clone() });
    }

    pub(super) fn on_wake(&mut self, proposer: u32, life: u32, key: &Key) {
        let now = self.now;
        let process = self.process(proposer);
        if process.life != life {
            return;
        }
        let Some(slot) = process.slots.get_mut(key) else { return };
        if slot.alarm.is_some_and(|alarm| alarm <= now) {
            slot.alarm = None;
        }
        let before = slot.key_proposer.round();
        let impatient = Machine::<Key, Shared>::wake_at(&slot.key_proposer);
        let now = self.by_clock(proposer, now);
        self.step(proposer, key, Machine::on_time);
        let after =
            self.process(proposer).slots.get(key).and_then(|slot| slot.key_proposer.round());
        let over = before.is_some() && before != after;
        if over && impatient.is_some_and(|until| until <= now) {
            self.record.met(Situation::GivenUpAfterConflict);
        }
        if over && before.is_some_and(|(_, voting)| voting) && impatient.is_none() {
            self.record.met(Situation::DeadlineInAccept);
        }
    }

    fn send_round(&mut self, proposer: u32, key: &Key, requests: Requests<Shared>) {
        let Some((first, _)) = requests.requests.first() else { return };
        self.follow_round(proposer, key, first.ballot, first.stage == Stage::Accept);
        let name = self.process(proposer).slots.get(key).and_then(|slot| slot.round.name);
        let Some((op, attempt)) = name else { return };
        let sender = Sender { task: Task::Round, op, attempt, proposer, key: key.clone() };
        self.send_requests(&sender, requests);
    }

    /// Names a round that has just begun, and notes what becomes of the one before.
    fn follow_round(&mut self, proposer: u32, key: &Key, ballot: Ballot, voting: bool) {
        let acceptors = self.setup.acceptors;
        let Some(slot) = self.processes[proposer as usize - 1].slots.get_mut(key) else { return };
        // A mutant may use a ballot twice.
        if !voting || slot.round.ballot != Some(ballot) || slot.round.voting {
            let last = std::mem::take(&mut slot.round);
            if last.accepted > 0 {
                let ops = slot
                    .key_proposer
                    .proposed()
                    .chain(slot.key_proposer.queued())
                    .map(|asked| asked.op);
                let again = ops.filter(|op| slot.proposed.contains_key(op));
                slot.doubted.extend(again.collect::<Vec<_>>());
            }
            if last.accepted > 0 && last.refused > 0 {
                self.record.met(Situation::ConflictAfterPartialAccept);
            }
            if last.refused >= acceptors {
                self.record.met(Situation::RefusedByAll);
            }
            let first = slot
                .key_proposer
                .proposed()
                .chain(slot.key_proposer.queued())
                .next()
                .map(|asked| asked.op);
            let op = first.or_else(|| last.name.map(|(op, _)| op));
            slot.round = Round { ballot: Some(ballot), from_cache: voting, ..Round::default() };
            slot.round.name = op.map(|op| {
                let attempt = slot.named.entry(op).or_default();
                *attempt += 1;
                (op, *attempt - 1)
            });
            if slot.round.name.is_some_and(|(_, attempt)| attempt > 0) {
                self.record.met(Situation::TriedAgain);
            }
        }
        slot.round.voting = voting;
        if voting {
            let ops: Vec<OpId> = slot.key_proposer.proposed().map(|asked| asked.op).collect();
            if ops.len() > 1 {
                self.record.met(Situation::CombinedRound);
            }
            for op in ops {
                *slot.proposed.entry(op).or_default() += 1;
            }
        }
    }

    pub(super) fn on_round_answer(&mut self, origin: &Origin, answer: Answer) {
        if let Answer::Reply(reply) = &answer {
            if matches!(reply, Reply::Conflict(_)) {
                self.record.met(Situation::PrepareConflict);
            }
            let name = (origin.op, origin.attempt);
            if self.process(origin.proposer).round(&origin.key, name).is_none() {
                self.record.met(Situation::LateReply);
            }
        }
        let id = origin.request_id();
        self.step(origin.proposer, &origin.key, |key_proposer, context| {
            answer.hand_to(id, key_proposer, context);
        });
    }

    /// Notes what an acceptor did with an accept, for the situations that a run came into.
    pub(super) fn follow_vote(&mut self, origin: &Origin, reply: &Reply<Content>) {
        let answered = self.operations.get(&origin.op).is_some_and(|op| op.answered);
        let mut met = None;
        let process = &mut self.processes[origin.proposer as usize - 1];
        let round = process.round(&origin.key, (origin.op, origin.attempt));
        match (reply, round) {
            (Reply::Accepted, Some(round)) => round.accepted += 1,
            (Reply::Refused(held), Some(round)) => {
                round.refused += 1;
                let foreign = held.accepted.proposer != origin.ballot.proposer;
                if round.from_cache && foreign && held.accepted > origin.ballot {
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
                | Reply::Erased(_),
                _,
            ) => {}
        }
        if let Some(met) = met {
            self.record.met(met);
        }
    }

    /// A key proposer says how a change has ended.
    fn settle(&mut self, proposer: u32, key: &Key, mut asked: Asked, end: Outcome<usize>) {
        let Some(slot) = self.process(proposer).slots.get_mut(key) else { return };
        slot.deadlines.remove(&asked.op);
        let proposed = slot.proposed.remove(&asked.op).unwrap_or_default();
        let doubted = slot.doubted.remove(&asked.op);
        let from_cache = slot.round.from_cache;
        let told = match end {
            Outcome::Committed(at) => {
                let found = at + 1 < asked.told.len() || asked.told.len() < proposed as usize;
                match (doubted, found) {
                    (true, true) => self.record.met(Situation::DoubtFound),
                    (true, false) => self.record.met(Situation::DoubtAppliedAgain),
                    (false, _) => {}
                }
                if from_cache {
                    self.record.met(Situation::OneRoundTrip);
                }
                Ok(asked.told.swap_remove(at))
            }
            Outcome::NotApplied(reason) => Err((Ending::Fail, reason)),
            Outcome::Unknown(reason) => Err((Ending::Info, reason)),
        };
        match &told {
            Ok(told) if told.changed => {
                self.record.promises.committed(key, told.version, asked.op);
            }
            Err((_, Reason::LineageForgotten)) if self.remembers_all() => {
                self.record.promises.forgot(key, asked.op);
            }
            Ok(_) | Err(_) => {}
        }
        if !asked.op.is_of_client() {
            return self.on_procedure_changed(&asked, told.ok());
        }
        match told {
            Ok(told) => self.answer_told(asked.op, &told),
            Err((ending, reason)) => self.answer(asked.op, ending, None, Some(words_of(reason))),
        }
    }

    /// Whether no lineage can have been forgotten: nothing is ever collected, and each of the proposers that
    /// have lived has a place beside the mark.
    fn remembers_all(&self) -> bool {
        self.setup.collections == 0 && self.lives < Lineage::LONGEST as u64
    }

    /// Tells the client what came of its call, and of which version.
    pub(super) fn answer_told(&mut self, op: OpId, told: &Told) {
        self.remember_version(op, told);
        self.answer(op, told.outcome, Some(&told.value), None);
    }

    /// The process dies; whoever waited for it will never know.
    pub(super) fn crash_proposer(&mut self, proposer: u32) {
        let first = self.first.clone();
        let process = self.process(proposer);
        process.life += 1;
        process.proposer = None;
        process.hold = None;
        process.learning = process.learning.map(|(_, number)| (0, number));
        process.config = first;
        process.readings.clear();
        let slots = std::mem::take(&mut process.slots);
        if slots.values().any(|slot| slot.key_proposer.round().is_some()) {
            self.record.met(Situation::CrashInRound);
        }
        if proposer == self.setup.collector() {
            self.collector.stop();
        }
        self.stop_procedure(proposer);
        let waits = |(op, operation): (&OpId, &super::Operation)| {
            (operation.proposer == proposer && !operation.answered).then_some(*op)
        };
        let orphans: Vec<OpId> = self.operations.iter().filter_map(waits).collect();
        for op in orphans {
            self.answer(op, Ending::Info, None, Some("its proposer crashed"));
        }
    }

    /// A proposer begins to work under a configuration that its process has found, as a new one.
    pub(super) fn start_proposer(&mut self, proposer: u32, config: &ClusterConfig) {
        let id = self.fresh_id();
        let mut newborn = self.newborn(id);
        if let Ok(configuration) = config.configuration() {
            newborn.reconfigure(configuration);
        }
        let process = self.process(proposer);
        process.proposer = Some(newborn);
        process.config = Rc::new(config.clone());
        process.slots.clear();
    }

    pub(super) fn restart_proposer(&mut self, proposer: u32) {
        // A process that looks for its cluster is up when it has found it.
        let looks = proposer != self.setup.driver() && self.procedures.contains_key(&proposer);
        if self.process(proposer).is_up() || looks {
            return;
        }
        let id =
            if self.has(Flaw::ReusesId) { ProposerId(proposer.into()) } else { self.fresh_id() };
        let newborn = self.newborn(id);
        self.process(proposer).proposer = Some(newborn);
        if proposer == self.setup.collector() {
            self.schedule_collection();
        }
        if proposer == self.setup.driver() {
            self.resume_driver();
        }
    }
}

fn operation_answered(world: &World<'_>, op: OpId) -> bool {
    world.operations.get(&op).is_none_or(|operation| operation.answered)
}

const fn words_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Conflict => "conflict with another proposer",
        Reason::Unreachable => "too few acceptors answered",
        Reason::Deadline => "the deadline came first",
        Reason::CounterUsedUp => "the counter is used up",
        Reason::LineageForgotten => "its lineage is forgotten",
    }
}

/// The wait after a round, from the seed and the round's name alone: leaving out other operations
/// does not change it.
fn draw_wait(seed: u64, (op, attempt): (OpId, u32), bound: u64) -> u64 {
    let name = u64::from(op.client) << 48 | u64::from(op.number) << 16 | u64::from(attempt);
    Pcg32::new(seed, name).random_range(0..=bound)
}
