//! The collector: a process of its own that erases what was deleted.

use super::network::{Letter, Origin, Task};
use super::{Event, Key, World};
use crate::change::{Content, Shared};
use crate::message::{OpId, Phase};
use crate::situation::Situation;
use caspaxos::{
    AcceptorId, CollectProgress, Collection, CollectionOutcome, Proposer, Reason, RejectReason,
    Reply, Request, Stage,
};
use rand::RngExt;
use rand_pcg::Pcg32;
use std::collections::BTreeSet;

/// What the collector is at.
#[derive(Debug)]
pub(super) struct Collector {
    random: Pcg32,
    /// How many collections have been begun or waited for.
    number: u32,
    open: Option<(Key, Collection<Key, Shared>)>,
    /// What was collected, and has not been written since.
    erased: BTreeSet<Key>,
}

impl Collector {
    pub(super) const fn new(random: Pcg32) -> Self {
        Self { random, number: 0, open: None, erased: BTreeSet::new() }
    }

    pub(super) fn stop(&mut self) {
        self.open = None;
    }
}

/// A collection, and the proposer that it runs on.
type UnderWay<'a> = (&'a mut Collection<Key, Shared>, &'a mut Proposer<Key, Shared>);

impl World<'_> {
    pub(super) fn schedule_collection(&mut self) {
        if self.setup.collections == 0 {
            return;
        }
        self.collector.number += 1;
        let number = self.collector.number;
        let wait = self.collector.random.random_range(0..=self.setup.collections);
        let collector = self.setup.collector();
        let life = self.process(collector).life;
        self.put_after(wait, Event::Collect { life, number });
    }

    /// Begins with a tombstone, or gives up the one under way.
    pub(super) fn on_collect(&mut self, life: u32, number: u32) {
        let collector = self.setup.collector();
        if self.process(collector).life != life || self.collector.number != number {
            return;
        }
        let process = &mut self.processes[collector as usize - 1];
        let Some(core) = &mut process.proposer else { return };
        if let Some((_, mut collection)) = self.collector.open.take() {
            let end = collection.give_up(core, Reason::Deadline);
            return self.collected(end, None);
        }
        let tombs: Vec<Key> = self.tombstones().into_iter().collect();
        if tombs.is_empty() {
            return self.schedule_collection();
        }
        let key = tombs[self.collector.random.random_range(0..tombs.len())].clone();
        self.collector.number += 1;
        let number = self.collector.number;
        self.put_after(self.setup.deadline / 4, Event::Collect { life, number });
        let Some(core) = &mut self.processes[collector as usize - 1].proposer else { return };
        let Some((collection, progress)) = Collection::begin(core, key.clone()) else { return };
        self.collector.open = Some((key, collection));
        self.follow_collection(progress);
    }

    /// What the acceptors' hints come to.
    fn tombstones(&self) -> BTreeSet<Key> {
        let registers =
            self.acceptors.iter().flat_map(|acceptor| acceptor.memory.member().registers());
        let dead = registers.filter(|(_, register)| {
            register.value.as_ref().is_some_and(|cell| cell.value.is_none())
        });
        dead.map(|(key, _)| key.clone()).collect()
    }

    fn follow_collection(&mut self, progress: CollectProgress<Shared>) {
        match progress {
            CollectProgress::Wait => {}
            CollectProgress::Over(end) => {
                let key = self.collector.open.take().map(|(key, _)| key);
                self.collected(end, key);
            }
            CollectProgress::Send(requests) => self.send_collection(requests),
        }
    }

    fn send_collection(&mut self, requests: Vec<(AcceptorId, Request<Content>)>) {
        let proposer = self.setup.collector();
        let life = self.process(proposer).life;
        let Some((key, collection)) = &self.collector.open else { return };
        let (key, epoch, ballot) = (key.clone(), collection.epoch(), collection.ballot());
        let op = OpId { client: OpId::COLLECTOR, number: self.collector.number };
        for (AcceptorId(acceptor), request) in requests {
            let (task, phase, attempt, copy) = (Task::Collection, request.stage().into(), 0, 0);
            let key = key.clone();
            let origin =
                Origin { task, op, attempt, phase, proposer, life, acceptor, copy, key, ballot };
            self.send_request(origin, Letter::Register(epoch, request));
        }
    }

    pub(super) fn on_collection_reply(
        &mut self,
        origin: &Origin,
        reply: Result<Reply<Content>, RejectReason>,
    ) {
        let Ok(reply) = reply else {
            return self.on_collection_lost(origin, self.setup.repeats);
        };
        let process = &mut self.processes[origin.proposer as usize - 1];
        let Some((collection, core)) = Self::collection(&mut self.collector, process, origin)
        else {
            return;
        };
        let progress = collection.on_reply(core, AcceptorId(origin.acceptor), reply);
        self.follow_collection(progress);
    }

    pub(super) fn on_collection_lost(&mut self, origin: &Origin, may_have_executed: bool) {
        let stage = match origin.phase {
            Phase::Prepare => Stage::Prepare,
            Phase::Accept => Stage::Accept,
            Phase::Read | Phase::Collect | Phase::Control => Stage::Collect,
        };
        let process = &mut self.processes[origin.proposer as usize - 1];
        let Some((collection, core)) = Self::collection(&mut self.collector, process, origin)
        else {
            return;
        };
        let from = AcceptorId(origin.acceptor);
        let progress = collection.on_error(core, from, stage, may_have_executed);
        self.follow_collection(progress);
    }

    /// The collection that a message belongs to, if it is still under way.
    fn collection<'a>(
        collector: &'a mut Collector,
        process: &'a mut super::Process,
        origin: &Origin,
    ) -> Option<UnderWay<'a>> {
        let (_, collection) = collector.open.as_mut()?;
        let same = collection.ballot() == origin.ballot;
        Some((collection, process.proposer.as_mut()?)).filter(|_| same)
    }

    fn collected(&mut self, end: CollectionOutcome, key: Option<Key>) {
        self.record.line(self.now, || format!("the collection ends: {end:?}"));
        match end {
            CollectionOutcome::Erased => {
                self.record.met(Situation::Collected);
                self.collector.erased.extend(key);
            }
            CollectionOutcome::Alive => self.record.met(Situation::CollectionFoundAlive),
            CollectionOutcome::Unfinished(_) => self.record.met(Situation::CollectionUnfinished),
        }
        self.schedule_collection();
    }

    /// A key has been written: was it collected before?
    pub(super) fn follow_write(&mut self, key: &Key) {
        if self.collector.erased.remove(key) {
            self.record.met(Situation::WrittenAfterCollection);
        }
    }
}
