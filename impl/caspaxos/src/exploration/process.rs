//! One proposer of a small cluster: its key proposer, its reads and its collections.

use super::history::{Answer, Call, History, List, Op};
use crate::{
    AcceptorId, Collection, Configuration, Context, KeyProposer, Machine, Progress, Proposer,
    ProposerId, QuorumRead, ReadOutcome, RejectReason, Reply, RequestId, Requests, Rules, Stage,
    VersionedValue,
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::hash::{Hash, Hasher};

/// What a proposer is to do, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// A call through the key proposer, while at most one other is there.
    Ask(Op),
    /// A read without a write; it is dropped if it cannot be settled.
    Read,
    /// Collects the register, when the key proposer is empty; nothing else begins meanwhile.
    Collect,
    /// Learns of the configuration of this epoch, once it is published.
    Adopt(usize),
    /// Has counted so far before it begins. Only as the first task.
    CountAhead(u64),
}

/// Which part of a proposer a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    KeyProposer,
    QuorumRead,
    Collection,
}

/// What has come of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Arrival {
    Reply(Reply<VersionedValue<List>>),
    /// It has not been looked at.
    RejectReason,
    /// Nothing will come any more, although it may arrive.
    RequestError,
}

impl From<Result<Reply<VersionedValue<List>>, RejectReason>> for Arrival {
    fn from(answer: Result<Reply<VersionedValue<List>>, RejectReason>) -> Self {
        answer.map_or(Self::RejectReason, Self::Reply)
    }
}

/// The requests of one machine.
pub(super) type Outbox = (Kind, Requests<List>);

#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) proposer: Proposer<(), List>,
    pub(super) script: &'static [Task],
    key_proposer: KeyProposer<Call, List>,
    /// The calls that the key proposer has taken, one bit each.
    taken: u32,
    /// The numbers of those that are still there, oldest first.
    present: Vec<usize>,
    reading: Option<(QuorumRead<List>, usize)>,
    collection: Option<Collection<List>>,
}

/// The deadline of the first call; the others' follow. Far behind all waits.
const DEADLINE: u64 = 1 << 40;

impl Process {
    pub(super) fn new(
        id: u64,
        configuration: Configuration,
        script: &'static [Task],
        rules: Arc<dyn Rules>,
    ) -> Self {
        let mut proposer = Proposer::new(ProposerId(id), configuration, 8).with_rules(rules);
        let (script, ahead) = match script {
            [Task::CountAhead(by), rest @ ..] => (rest, *by),
            _ => (script, 0),
        };
        proposer.jump_counter(ahead);
        let (key_proposer, present) = (KeyProposer::default(), Vec::new());
        Self { proposer, script, key_proposer, taken: 0, present, reading: None, collection: None }
    }

    /// Whether the next task may begin.
    pub(super) fn may_begin(&self, published: usize) -> bool {
        self.collection.is_none()
            && self.script.first().is_some_and(|task| match task {
                Task::Ask(_) => self.present.len() < 2,
                Task::Read => self.reading.is_none(),
                Task::Collect => self.key_proposer.is_idle(),
                Task::Adopt(epoch) => *epoch <= published,
                Task::CountAhead(_) => false,
            })
    }

    /// Nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.key_proposer.is_idle() && self.reading.is_none() && self.collection.is_none()
    }

    /// Whether the key proposer waits to try again, or for the rest of the replies after a conflict.
    pub(super) fn may_retry(&self) -> bool {
        self.key_proposer.round().is_none() && self.wakes()
    }

    pub(super) fn may_lose_patience(&self) -> bool {
        self.key_proposer.round().is_some() && self.wakes()
    }

    fn wakes(&self) -> bool {
        Machine::<(), List>::wake_at(&self.key_proposer).is_some()
    }

    pub(super) fn may_expire(&self) -> bool {
        !self.present.is_empty()
    }

    /// Whether what comes of a request still means something to this part.
    pub(super) fn awaits(&self, kind: Kind, id: RequestId) -> bool {
        match kind {
            Kind::KeyProposer => self.key_proposer.round().is_some_and(|(open, voting)| {
                open == id.ballot && voting == (id.stage == Stage::Accept)
            }),
            Kind::QuorumRead => self.reading.is_some(),
            Kind::Collection => {
                let collection = self.collection.as_ref().and_then(Collection::stage);
                collection == Some((id.ballot, id.stage))
            }
        }
    }

    pub(super) fn begin(
        &mut self,
        configurations: &[Configuration],
        history: &mut History,
    ) -> Option<Outbox> {
        let (&task, rest) = self.script.split_first()?;
        self.script = rest;
        match task {
            Task::Ask(op) => self.ask(op, history),
            Task::Read => {
                let read = QuorumRead::begin(&self.proposer, DEADLINE);
                self.reading = Some((read, history.ask(Op::Read, 0)));
                self.with_reading(history, |_, _| ())
            }
            Task::Collect => {
                let draw = &mut |bound| bound;
                let context = &mut Context { proposer: &mut self.proposer, key: &(), now: 0, draw };
                self.collection = Some(Collection::begin(context, DEADLINE));
                self.with_collection(0, |_, _| ())
            }
            Task::Adopt(epoch) => {
                self.proposer.reconfigure(configurations[epoch].clone());
                None
            }
            Task::CountAhead(_) => None,
        }
    }

    pub(super) fn ask(&mut self, op: Op, history: &mut History) -> Option<Outbox> {
        let number = history.ask(op, self.taken);
        self.taken |= 1 << number;
        self.present.push(number);
        let call = Call { number, op, answers: Vec::new() };
        let deadline = DEADLINE + number as u64;
        self.with_key_proposer(0, history, |key_proposer, context| {
            key_proposer.submit(context, call, deadline);
        })
    }

    /// Lets the time come that the key proposer waits for.
    pub(super) fn alarm(&mut self, history: &mut History) -> Option<Outbox> {
        let now = Machine::<(), List>::wake_at(&self.key_proposer).unwrap_or_default();
        self.with_key_proposer(now, history, Machine::on_time)
    }

    /// Lets the deadline of the oldest call come, and that of a collection.
    pub(super) fn expire(&mut self, history: &mut History) -> Option<Outbox> {
        self.with_collection(DEADLINE, Machine::on_time);
        let &number = self.present.first()?;
        self.with_key_proposer(DEADLINE + number as u64, history, Machine::on_time)
    }

    /// Hands in what has come of a request.
    pub(super) fn hear(
        &mut self,
        (kind, id): (Kind, RequestId),
        arrival: Arrival,
        history: &mut History,
    ) -> Option<Outbox> {
        match kind {
            Kind::KeyProposer => {
                self.with_key_proposer(0, history, |it, context| hear(it, context, id, arrival))
            }
            Kind::QuorumRead => {
                self.with_reading(history, |it, context| hear(it, context, id, arrival))
            }
            Kind::Collection => {
                self.with_collection(0, |it, context| hear(it, context, id, arrival))
            }
        }
    }

    pub(super) const fn is_collecting(&self) -> bool {
        self.collection.is_some()
    }

    fn with_reading(
        &mut self,
        history: &mut History,
        step: impl FnOnce(&mut QuorumRead<List>, &mut Context<'_, (), List>),
    ) -> Option<Outbox> {
        let (read, number) = self.reading.as_mut()?;
        let (requests, outcomes) = take_step(read, &mut self.proposer, 0, step);
        if let Some(outcome) = outcomes.first() {
            match outcome {
                ReadOutcome::Decided(cell) => history.answer(*number, Answer::of(cell.as_ref())),
                ReadOutcome::Inconclusive => history.never(*number),
            }
            self.reading = None;
        }
        Some((Kind::QuorumRead, requests?))
    }

    fn with_collection(
        &mut self,
        now: u64,
        step: impl FnOnce(&mut Collection<List>, &mut Context<'_, (), List>),
    ) -> Option<Outbox> {
        let collection = self.collection.as_mut()?;
        let (requests, outcomes) = take_step(collection, &mut self.proposer, now, step);
        if !outcomes.is_empty() {
            self.collection = None;
        }
        Some((Kind::Collection, requests?))
    }

    fn with_key_proposer(
        &mut self,
        now: u64,
        history: &mut History,
        step: impl FnOnce(&mut KeyProposer<Call, List>, &mut Context<'_, (), List>),
    ) -> Option<Outbox> {
        let (requests, ended) = take_step(&mut self.key_proposer, &mut self.proposer, now, step);
        for (call, outcome) in ended {
            history.settle(&call, outcome);
            self.present.retain(|number| *number != call.number);
        }
        Some((Kind::KeyProposer, requests?))
    }

    /// What it knows of one acceptor.
    pub(super) fn hash_standing(&self, acceptor: AcceptorId, hasher: &mut impl Hasher) {
        self.key_proposer.state(acceptor).hash(hasher);
        self.reading.as_ref().map(|(reading, _)| reading.state(acceptor)).hash(hasher);
        self.collection.as_ref().map(|collection| collection.state(acceptor)).hash(hasher);
    }

    /// What it knows beside that.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        (self.script.len(), &self.present, self.taken).hash(hasher);
        self.proposer.hash(hasher);
        self.key_proposer.fingerprint(hasher);
        self.reading.as_ref().map(|(_, number)| number).hash(hasher);
        if let Some(collection) = &self.collection {
            collection.fingerprint(hasher);
        }
    }
}

/// Lets a machine take a step. Returns what it sends, and what it comes to.
fn take_step<M: Machine<(), List>>(
    machine: &mut M,
    proposer: &mut Proposer<(), List>,
    now: u64,
    step: impl FnOnce(&mut M, &mut Context<'_, (), List>),
) -> (Option<Requests<List>>, Vec<M::Outcome>) {
    let mut draw = |bound: u64| bound.min(1);
    step(machine, &mut Context { proposer, key: &(), now, draw: &mut draw });
    let (mut sent, mut outcomes) = (None, Vec::new());
    loop {
        match machine.poll() {
            Progress::Wait => return (sent, outcomes),
            Progress::Send(requests) => assert!(sent.replace(requests).is_none()),
            Progress::Done(outcome) => outcomes.push(outcome),
        }
    }
}

/// Hands in what has come of a request.
fn hear<M: Machine<(), List>>(
    machine: &mut M,
    context: &mut Context<'_, (), List>,
    id: RequestId,
    arrival: Arrival,
) {
    match arrival {
        Arrival::Reply(reply) => machine.on_reply(context, id, reply),
        Arrival::RejectReason => machine.on_error(context, id, false),
        Arrival::RequestError => machine.on_error(context, id, true),
    }
}
