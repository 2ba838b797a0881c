//! One proposer of a small cluster: its desk, its reads and its collections.

use super::ledger::{Answer, Call, Ledger, List, Op};
use crate::{
    AcceptorId, Ballot, Cell, CollectProgress, Collection, Configuration, Desk, Effect, Proposer,
    ProposerId, ReadProgress, Reading, Reply, Request, Rules, Stage, Turn, Turned, Why,
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::hash::{Hash, Hasher};

/// What a proposer is to do, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// A call through the desk, while at most one other is there.
    Ask(Op),
    /// A read without a write; it is dropped if it cannot be settled.
    Read,
    /// Collects the register, when the desk is empty; nothing else begins meanwhile.
    Collect,
    /// Learns of the configuration of this epoch, once it is published.
    Adopt(usize),
}

/// Which part of a proposer a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Lane {
    Desk,
    Reading,
    Collection,
}

/// What has come of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Word {
    Reply(Reply<Cell<List>>),
    /// It has not been looked at.
    Turned,
    /// Nothing will come any more, although it may arrive.
    Lost,
}

impl From<Result<Reply<Cell<List>>, Turned>> for Word {
    fn from(answer: Result<Reply<Cell<List>>, Turned>) -> Self {
        answer.map_or(Self::Turned, Self::Reply)
    }
}

/// Requests to be sent.
pub(super) struct Outbox {
    pub(super) lane: Lane,
    pub(super) epoch: u64,
    pub(super) ballot: Ballot,
    pub(super) requests: Vec<(AcceptorId, Request<Cell<List>>)>,
}

#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) proposer: Proposer<(), Cell<List>>,
    pub(super) script: &'static [Task],
    desk: Desk<Call, List>,
    /// The calls that the desk has taken, one bit each.
    taken: u32,
    /// The numbers of those that are still there, oldest first.
    present: Vec<usize>,
    reading: Option<(Reading<Cell<List>>, usize)>,
    collection: Option<Collection<(), List>>,
}

/// The deadline of the first call; the others' follow. Far behind all waits.
const DEADLINE: u64 = 1 << 40;

impl Seat {
    pub(super) fn new(
        id: u64,
        configuration: Configuration,
        script: &'static [Task],
        rules: Arc<dyn Rules>,
    ) -> Self {
        let proposer = Proposer::new(ProposerId(id), configuration, 8).with_rules(rules);
        let (desk, present) = (Desk::default(), Vec::new());
        Self { proposer, script, desk, taken: 0, present, reading: None, collection: None }
    }

    /// Whether the next task may begin.
    pub(super) fn may_begin(&self, published: usize) -> bool {
        self.collection.is_none()
            && self.script.first().is_some_and(|task| match task {
                Task::Ask(_) => self.present.len() < 2,
                Task::Read => self.reading.is_none(),
                Task::Collect => self.desk.is_idle(),
                Task::Adopt(epoch) => *epoch <= published,
            })
    }

    /// Nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.desk.is_idle() && self.reading.is_none() && self.collection.is_none()
    }

    /// Whether the desk waits to try again, or for the rest of the replies after a conflict.
    pub(super) fn may_retry(&self) -> bool {
        self.desk.round().is_none() && self.desk.alarm().is_some()
    }

    pub(super) fn may_lose_patience(&self) -> bool {
        self.desk.round().is_some() && self.desk.alarm().is_some()
    }

    pub(super) fn may_expire(&self) -> bool {
        !self.present.is_empty()
    }

    /// Whether what comes of a request still means something to this part.
    pub(super) fn awaits(&self, lane: Lane, ballot: Ballot, stage: Stage) -> bool {
        match (lane, &self.collection) {
            (Lane::Desk, _) => self
                .desk
                .round()
                .is_some_and(|(open, voting)| open == ballot && voting == (stage == Stage::Accept)),
            (Lane::Reading, _) => self.reading.is_some(),
            (Lane::Collection, Some(collection)) => {
                collection.ballot() == ballot && collection.stage() == Some(stage)
            }
            (Lane::Collection, None) => false,
        }
    }

    pub(super) fn begin(
        &mut self,
        configurations: &[Configuration],
        ledger: &mut Ledger,
    ) -> Vec<Outbox> {
        let Some((&task, rest)) = self.script.split_first() else { return Vec::new() };
        self.script = rest;
        match task {
            Task::Ask(op) => self.ask(op, ledger),
            Task::Read => {
                let (reading, asked) = Reading::begin(&self.proposer);
                let epoch = reading.configuration().epoch();
                self.reading = Some((reading, ledger.ask(Op::Read, 0)));
                let requests = asked.into_iter().map(|a| (a, Reading::<Cell<List>>::request()));
                let requests = requests.collect();
                Vec::from([Outbox { lane: Lane::Reading, epoch, ballot: Ballot::ZERO, requests }])
            }
            Task::Collect => {
                let (collection, progress) = Collection::begin(&mut self.proposer, ());
                self.collection = Some(collection);
                self.collected(progress)
            }
            Task::Adopt(epoch) => {
                self.proposer.reconfigure(configurations[epoch].clone());
                Vec::new()
            }
        }
    }

    pub(super) fn ask(&mut self, op: Op, ledger: &mut Ledger) -> Vec<Outbox> {
        let number = ledger.ask(op, self.taken);
        self.taken |= 1 << number;
        self.present.push(number);
        let call = Call { number, op, answers: Vec::new() };
        let deadline = DEADLINE + number as u64;
        self.at_desk(0, ledger, |desk, turn| desk.submit(turn, call, deadline))
    }

    /// Lets the desk's next alarm ring.
    pub(super) fn alarm(&mut self, ledger: &mut Ledger) -> Vec<Outbox> {
        let now = self.desk.alarm().unwrap_or_default();
        self.at_desk(now, ledger, Desk::on_time)
    }

    /// Lets the deadline of the oldest call come.
    pub(super) fn expire(&mut self, ledger: &mut Ledger) -> Vec<Outbox> {
        let Some(&number) = self.present.first() else { return Vec::new() };
        self.at_desk(DEADLINE + number as u64, ledger, Desk::on_time)
    }

    /// Hands in what has come of a request.
    pub(super) fn hear(
        &mut self,
        from: AcceptorId,
        (lane, stage, ballot): (Lane, Stage, Ballot),
        word: Word,
        ledger: &mut Ledger,
    ) -> Vec<Outbox> {
        let delivered = word == Word::Lost;
        match (lane, word) {
            (Lane::Desk, Word::Reply(reply)) => self
                .at_desk(0, ledger, |desk, turn| desk.on_reply(turn, from, ballot, reply.clone())),
            (Lane::Desk, Word::Turned | Word::Lost) => self.at_desk(0, ledger, |desk, turn| {
                desk.on_lost(turn, from, (ballot, stage), delivered);
            }),
            (Lane::Reading, word) => {
                self.hear_read(from, word, ledger);
                Vec::new()
            }
            (Lane::Collection, word) => {
                let Some(collection) = &mut self.collection else { return Vec::new() };
                let proposer = &mut self.proposer;
                let progress = match word {
                    Word::Reply(reply) => collection.on_reply(proposer, from, reply),
                    Word::Turned | Word::Lost => {
                        collection.on_lost(proposer, from, stage, delivered)
                    }
                };
                self.collected(progress)
            }
        }
    }

    fn hear_read(&mut self, from: AcceptorId, word: Word, ledger: &mut Ledger) {
        let Some((reading, number)) = &mut self.reading else { return };
        let progress = match word {
            Word::Reply(Reply::Current { accepted, value }) => {
                reading.on_answer(from, accepted, value)
            }
            Word::Reply(_) | Word::Turned | Word::Lost => reading.on_lost(from),
        };
        match progress {
            ReadProgress::Wait => return,
            ReadProgress::Settled(cell) => ledger.answer(*number, Answer::of(cell.as_ref())),
            ReadProgress::Unsettled => ledger.never(*number),
        }
        self.reading = None;
    }

    fn collected(&mut self, progress: CollectProgress<List>) -> Vec<Outbox> {
        let Some(collection) = &self.collection else { return Vec::new() };
        let (epoch, ballot) = (collection.epoch(), collection.ballot());
        match progress {
            CollectProgress::Wait => Vec::new(),
            CollectProgress::Send(requests) => {
                Vec::from([Outbox { lane: Lane::Collection, epoch, ballot, requests }])
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
            collection.give_up(&mut self.proposer, Why::Deadline);
        }
    }

    pub(super) const fn is_collecting(&self) -> bool {
        self.collection.is_some()
    }

    fn at_desk(
        &mut self,
        now: u64,
        ledger: &mut Ledger,
        step: impl FnOnce(&mut Desk<Call, List>, &mut Turn<'_, (), Call, List>),
    ) -> Vec<Outbox> {
        let mut effects = Vec::new();
        let mut draw = |bound: u64| bound.min(1);
        let (proposer, effects_) = (&mut self.proposer, &mut effects);
        let mut turn = Turn { proposer, key: &(), now, draw: &mut draw, effects: effects_ };
        step(&mut self.desk, &mut turn);
        let mut outboxes = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { epoch, ballot, requests } => {
                    outboxes.push(Outbox { lane: Lane::Desk, epoch, ballot, requests });
                }
                Effect::Settle(call, end) => {
                    ledger.settle(&call, end);
                    self.present.retain(|number| *number != call.number);
                }
            }
        }
        outboxes
    }

    /// What it knows of one acceptor.
    pub(super) fn hash_standing(&self, acceptor: AcceptorId, hasher: &mut impl Hasher) {
        self.desk.standing(acceptor).hash(hasher);
        self.reading.as_ref().map(|(reading, _)| reading.standing(acceptor)).hash(hasher);
        self.collection.as_ref().map(|collection| collection.standing(acceptor)).hash(hasher);
    }

    /// What it knows beside that.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        (self.script.len(), &self.present, self.taken).hash(hasher);
        self.proposer.hash(hasher);
        self.desk.fingerprint(hasher);
        self.reading.as_ref().map(|(_, number)| number).hash(hasher);
        if let Some(collection) = &self.collection {
            collection.fingerprint(hasher);
        }
    }
}
