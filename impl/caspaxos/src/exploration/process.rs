//! One proposer of a small cluster: its key_proposer, its reads and its collections.

use super::history::{Answer, Call, History, List, Op};
use crate::{
    AcceptorId, Ballot, CollectProgress, Collection, Configuration, Context, Effect, KeyProposer,
    Proposer, ProposerId, QuorumRead, ReadProgress, Reason, RejectReason, Reply, Request, Rules,
    Stage, VersionedValue,
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::hash::{Hash, Hasher};

/// What a proposer is to do, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// A call through the key_proposer, while at most one other is there.
    Ask(Op),
    /// A read without a write; it is dropped if it cannot be settled.
    Read,
    /// Collects the register, when the key_proposer is empty; nothing else begins meanwhile.
    Collect,
    /// Learns of the configuration of this epoch, once it is published.
    Adopt(usize),
    /// Has counted so far before it begins. Only as the first task.
    CountAhead(u64),
}

/// Which part of a proposer a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Machine {
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

/// Requests to be sent.
pub(super) struct Outbox {
    pub(super) machine: Machine,
    pub(super) epoch: u64,
    pub(super) ballot: Ballot,
    pub(super) requests: Vec<(AcceptorId, Request<VersionedValue<List>>)>,
}

#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) proposer: Proposer<(), List>,
    pub(super) script: &'static [Task],
    key_proposer: KeyProposer<Call, List>,
    /// The calls that the key_proposer has taken, one bit each.
    taken: u32,
    /// The numbers of those that are still there, oldest first.
    present: Vec<usize>,
    reading: Option<(QuorumRead<List>, usize)>,
    collection: Option<Collection<(), List>>,
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

    /// Whether the key_proposer waits to try again, or for the rest of the replies after a conflict.
    pub(super) fn may_retry(&self) -> bool {
        self.key_proposer.round().is_none() && self.key_proposer.alarm().is_some()
    }

    pub(super) fn may_lose_patience(&self) -> bool {
        self.key_proposer.round().is_some() && self.key_proposer.alarm().is_some()
    }

    pub(super) fn may_expire(&self) -> bool {
        !self.present.is_empty()
    }

    /// Whether what comes of a request still means something to this part.
    pub(super) fn awaits(&self, machine: Machine, ballot: Ballot, stage: Stage) -> bool {
        match (machine, &self.collection) {
            (Machine::KeyProposer, _) => self
                .key_proposer
                .round()
                .is_some_and(|(open, voting)| open == ballot && voting == (stage == Stage::Accept)),
            (Machine::QuorumRead, _) => self.reading.is_some(),
            (Machine::Collection, Some(collection)) => {
                collection.ballot() == ballot && collection.stage() == Some(stage)
            }
            (Machine::Collection, None) => false,
        }
    }

    pub(super) fn begin(
        &mut self,
        configurations: &[Configuration],
        history: &mut History,
    ) -> Vec<Outbox> {
        let Some((&task, rest)) = self.script.split_first() else { return Vec::new() };
        self.script = rest;
        match task {
            Task::Ask(op) => self.ask(op, history),
            Task::Read => {
                let (reading, asked) = QuorumRead::begin(&self.proposer);
                let epoch = reading.configuration().epoch();
                self.reading = Some((reading, history.ask(Op::Read, 0)));
                let requests = asked.into_iter().map(|a| (a, QuorumRead::<List>::request()));
                let requests = requests.collect();
                Vec::from([Outbox {
                    machine: Machine::QuorumRead,
                    epoch,
                    ballot: Ballot::ZERO,
                    requests,
                }])
            }
            Task::Collect => {
                let (collection, progress) = Collection::begin(&mut self.proposer, ()).unwrap();
                self.collection = Some(collection);
                self.collected(progress)
            }
            Task::Adopt(epoch) => {
                self.proposer.reconfigure(configurations[epoch].clone());
                Vec::new()
            }
            Task::CountAhead(_) => Vec::new(),
        }
    }

    pub(super) fn ask(&mut self, op: Op, history: &mut History) -> Vec<Outbox> {
        let number = history.ask(op, self.taken);
        self.taken |= 1 << number;
        self.present.push(number);
        let call = Call { number, op, answers: Vec::new() };
        let deadline = DEADLINE + number as u64;
        self.with_key_proposer(0, history, |key_proposer, context| {
            key_proposer.submit(context, call, deadline)
        })
    }

    /// Lets the key_proposer's next alarm ring.
    pub(super) fn alarm(&mut self, history: &mut History) -> Vec<Outbox> {
        let now = self.key_proposer.alarm().unwrap_or_default();
        self.with_key_proposer(now, history, KeyProposer::on_time)
    }

    /// Lets the deadline of the oldest call come.
    pub(super) fn expire(&mut self, history: &mut History) -> Vec<Outbox> {
        let Some(&number) = self.present.first() else { return Vec::new() };
        self.with_key_proposer(DEADLINE + number as u64, history, KeyProposer::on_time)
    }

    /// Hands in what has come of a request.
    pub(super) fn hear(
        &mut self,
        from: AcceptorId,
        (machine, stage, ballot): (Machine, Stage, Ballot),
        arrival: Arrival,
        history: &mut History,
    ) -> Vec<Outbox> {
        let may_have_executed = arrival == Arrival::RequestError;
        match (machine, arrival) {
            (Machine::KeyProposer, Arrival::Reply(reply)) => {
                self.with_key_proposer(0, history, |key_proposer, context| {
                    key_proposer.on_reply(context, from, ballot, reply.clone())
                })
            }
            (Machine::KeyProposer, Arrival::RejectReason | Arrival::RequestError) => self
                .with_key_proposer(0, history, |key_proposer, context| {
                    key_proposer.on_error(context, from, (ballot, stage), may_have_executed);
                }),
            (Machine::QuorumRead, arrival) => {
                self.hear_read(from, arrival, history);
                Vec::new()
            }
            (Machine::Collection, arrival) => {
                let Some(collection) = &mut self.collection else { return Vec::new() };
                let proposer = &mut self.proposer;
                let progress = match arrival {
                    Arrival::Reply(reply) => collection.on_reply(proposer, from, reply),
                    Arrival::RejectReason | Arrival::RequestError => {
                        collection.on_error(proposer, from, stage, may_have_executed)
                    }
                };
                self.collected(progress)
            }
        }
    }

    fn hear_read(&mut self, from: AcceptorId, arrival: Arrival, history: &mut History) {
        let Some((reading, number)) = &mut self.reading else { return };
        let progress = match arrival {
            Arrival::Reply(Reply::Current { accepted, value }) => {
                reading.on_answer(from, accepted, value)
            }
            Arrival::Reply(_) | Arrival::RejectReason | Arrival::RequestError => {
                reading.on_error(from)
            }
        };
        match progress {
            ReadProgress::Wait => return,
            ReadProgress::Decided(cell) => history.answer(*number, Answer::of(cell.as_ref())),
            ReadProgress::Inconclusive => history.never(*number),
        }
        self.reading = None;
    }

    fn collected(&mut self, progress: CollectProgress<List>) -> Vec<Outbox> {
        let Some(collection) = &self.collection else { return Vec::new() };
        let (epoch, ballot) = (collection.epoch(), collection.ballot());
        match progress {
            CollectProgress::Wait => Vec::new(),
            CollectProgress::Send(requests) => {
                Vec::from([Outbox { machine: Machine::Collection, epoch, ballot, requests }])
            }
            CollectProgress::Over(_) => {
                self.collection = None;
                Vec::new()
            }
        }
    }

    /// Ends a collection although replies are outstanding.
    pub(super) fn stop_collecting(&mut self) {
        if let Some(mut collection) = self.collection.take() {
            collection.give_up(&mut self.proposer, Reason::Deadline);
        }
    }

    pub(super) const fn is_collecting(&self) -> bool {
        self.collection.is_some()
    }

    fn with_key_proposer(
        &mut self,
        now: u64,
        history: &mut History,
        step: impl FnOnce(&mut KeyProposer<Call, List>, &mut Context<'_, (), Call, List>),
    ) -> Vec<Outbox> {
        let mut effects = Vec::new();
        let mut draw = |bound: u64| bound.min(1);
        let (proposer, effects_) = (&mut self.proposer, &mut effects);
        let mut context = Context { proposer, key: &(), now, draw: &mut draw, effects: effects_ };
        step(&mut self.key_proposer, &mut context);
        let mut outboxes = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { epoch, ballot, requests } => {
                    outboxes.push(Outbox {
                        machine: Machine::KeyProposer,
                        epoch,
                        ballot,
                        requests,
                    });
                }
                Effect::Settle(call, end) => {
                    history.settle(&call, end);
                    self.present.retain(|number| *number != call.number);
                }
            }
        }
        outboxes
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
