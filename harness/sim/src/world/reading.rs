//! Reads without a round: what a quorum holds already.

use super::machines::{self, Answer, Sender};
use super::network::{Origin, Task};
use super::{Event, Key, World};
use crate::change::{Content, Shared, Told};
use crate::message::OpId;
use crate::situation::Situation;
use caspaxos::{Context, Machine, Progress, QuorumRead, ReadOutcome};
use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use std::rc::Rc;

/// A read under way.
#[derive(Debug)]
pub(super) struct Open {
    key: Key,
    read: QuorumRead<Shared>,
    /// When it will be woken before its deadline.
    alarm: Option<u64>,
}

/// What a read answers of what it found.
pub(super) fn told(found: Option<&Content>) -> Told {
    let value = found.and_then(|cell| cell.value.clone());
    let version = found.map_or(0, |cell| cell.version);
    let value = value.unwrap_or_else(|| Rc::new(Value::Null));
    Told { outcome: Outcome::Ok, value, version, changed: false }
}

impl World<'_> {
    /// Begins with a read without a round, if this call is to try one.
    pub(super) fn begin_reading(&mut self, op: OpId) -> bool {
        let Some(operation) = self.operations.get(&op) else { return false };
        let (proposer, key) = (operation.proposer, operation.key.clone());
        let share = self.setup.load.quorum_reads;
        if operation.call.f != Function::Read || share <= 0.0 {
            return false;
        }
        // By the operation's name, so that the others may be left out.
        let name = u64::from(op.client) << 32 | u64::from(op.number);
        if !Pcg32::new(!self.seed, name).random_bool(share.min(1.0)) {
            return false;
        }
        let at = self.now.saturating_add(self.setup.deadline / 4);
        let deadline = self.by_clock(proposer, at);
        let process = self.process(proposer);
        let life = process.life;
        let Some(core) = &process.proposer else { return false };
        let read = QuorumRead::begin(core, deadline);
        process.readings.insert(op, Open { key, read, alarm: None });
        self.step_read(proposer, op, |_, _| ());
        self.queue.put(at, Event::WakeRead { op, life });
        true
    }

    pub(super) fn on_read_answer(&mut self, origin: &Origin, answer: Answer) {
        let id = origin.request_id();
        self.step_read(origin.proposer, origin.op, |read, context| {
            answer.hand_to(id, read, context);
        });
    }

    pub(super) fn on_wake_read(&mut self, op: OpId, life: u32) {
        let Some(operation) = self.operations.get(&op) else { return };
        let proposer = operation.proposer;
        if self.process(proposer).life == life {
            self.step_read(proposer, op, Machine::on_time);
        }
    }

    fn step_read(
        &mut self,
        proposer: u32,
        op: OpId,
        step: impl FnOnce(&mut QuorumRead<Shared>, &mut Context<'_, Key, Shared>),
    ) {
        let now = self.by_clock(proposer, self.now);
        let process = self.process(proposer);
        let (Some(core), Some(open)) = (&mut process.proposer, process.readings.get_mut(&op))
        else {
            return;
        };
        let (life, key) = (process.life, open.key.clone());
        let progress = machines::step(&mut open.read, (core, &key, now), step);
        let wake_at = Machine::<Key, Shared>::wake_at(&open.read);
        let new = wake_at.filter(|_| wake_at != open.alarm);
        open.alarm = wake_at;
        if let Some(at) = new {
            let at = self.off_clock(proposer, at).max(self.now);
            self.queue.put(at, Event::WakeRead { op, life });
        }
        let sender = Sender { task: Task::Read, op, attempt: 0, proposer, key };
        for progress in progress {
            match progress {
                Progress::Wait => {}
                Progress::Send(requests) => self.send_requests(&sender, requests),
                Progress::Done(outcome) => self.read_over(proposer, op, outcome),
            }
        }
    }

    fn read_over(&mut self, proposer: u32, op: OpId, outcome: ReadOutcome<Shared>) {
        let Some(open) = self.process(proposer).readings.remove(&op) else { return };
        match outcome {
            ReadOutcome::Decided(found) => {
                self.record.met(Situation::ReadSettled);
                self.answer_told(op, &told(found.as_ref()));
            }
            ReadOutcome::Inconclusive => {
                self.record.met(Situation::ReadUnsettled);
                self.submit_call(op, proposer, &open.key);
            }
        }
    }
}
