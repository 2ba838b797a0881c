//! The collector: a process of its own that erases what was deleted.

use super::machines::{self, Answer, Sender};
use super::network::{Origin, Task};
use super::{Event, Key, World};
use crate::change::Shared;
use crate::message::OpId;
use crate::situation::Situation;
use caspaxos::{Collection, CollectionOutcome, Context, Machine, Progress};
use rand::RngExt;
use rand_pcg::Pcg32;
use std::collections::BTreeSet;

/// What the collector is at.
#[derive(Debug)]
pub(super) struct Collector {
    random: Pcg32,
    /// How many collections have been begun or waited for.
    number: u32,
    open: Option<(Key, Collection<Shared>)>,
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
        if self.collector.open.is_some() {
            return self.step_collection(Machine::on_time);
        }
        if !self.process(collector).is_up() {
            return;
        }
        let tombs: Vec<Key> = self.tombstones().into_iter().collect();
        if tombs.is_empty() {
            return self.schedule_collection();
        }
        let key = tombs[self.collector.random.random_range(0..tombs.len())].clone();
        self.collector.number += 1;
        let number = self.collector.number;
        let at = self.now.saturating_add(self.setup.deadline / 4);
        self.queue.put(at, Event::Collect { life, number });
        let (now, deadline) = (self.by_clock(collector, self.now), self.by_clock(collector, at));
        let Some(proposer) = &mut self.processes[collector as usize - 1].proposer else { return };
        let draw = &mut |_| 0;
        let context = &mut Context { proposer, key: &key, now, draw };
        let collection = Collection::begin(context, deadline);
        self.collector.open = Some((key, collection));
        self.step_collection(|_, _| ());
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

    fn step_collection(
        &mut self,
        step: impl FnOnce(&mut Collection<Shared>, &mut Context<'_, Key, Shared>),
    ) {
        let proposer = self.setup.collector();
        let now = self.by_clock(proposer, self.now);
        let process = &mut self.processes[proposer as usize - 1];
        let (Some(core), Some((key, collection))) =
            (&mut process.proposer, &mut self.collector.open)
        else {
            return;
        };
        let op = OpId { client: OpId::COLLECTOR, number: self.collector.number };
        let (task, attempt) = (Task::Collection, 0);
        let sender = Sender { task, op, attempt, proposer, key: key.clone() };
        for progress in machines::step(collection, (core, &*key, now), step) {
            match progress {
                Progress::Wait => {}
                Progress::Send(requests) => self.send_requests(&sender, requests),
                Progress::Done(outcome) => {
                    let key = self.collector.open.take().map(|(key, _)| key);
                    self.collected(outcome, key);
                }
            }
        }
    }

    pub(super) fn on_collection_answer(&mut self, origin: &Origin, answer: Answer) {
        let id = origin.request_id();
        self.step_collection(|collection, context| answer.hand_to(id, collection, context));
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
