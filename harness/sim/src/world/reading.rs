//! Reads without a round: what a quorum holds already.

use super::network::{Letter, Origin, Task};
use super::{Event, Key, World};
use crate::change::{Content, Shared, Told};
use crate::message::{OpId, Phase};
use crate::situation::Situation;
use caspaxos::{AcceptorId, Ballot, QuorumRead, ReadProgress, RejectReason, Reply};
use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use std::rc::Rc;

/// A read under way.
#[derive(Debug)]
pub(super) struct Open {
    key: Key,
    reading: QuorumRead<Shared>,
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
        let process = self.process(proposer);
        let life = process.life;
        let Some(core) = &process.proposer else { return false };
        let (reading, asked) = QuorumRead::begin(core);
        let epoch = reading.configuration().epoch();
        process.readings.insert(op, Open { key: key.clone(), reading });
        for AcceptorId(acceptor) in asked {
            let (task, phase, attempt, copy) = (Task::Read, Phase::Read, 0, 0);
            let (key, ballot) = (key.clone(), Ballot::ZERO);
            let origin =
                Origin { task, op, attempt, phase, proposer, life, acceptor, copy, key, ballot };
            self.send_request(origin, Letter::Register(epoch, QuorumRead::<Shared>::request()));
        }
        self.put_after(self.setup.deadline / 4, Event::ReadOver { op, life });
        true
    }

    pub(super) fn on_read_reply(
        &mut self,
        origin: &Origin,
        reply: Result<Reply<Content>, RejectReason>,
    ) {
        let Ok(Reply::Current { accepted, value }) = reply else {
            return self.on_read_lost(origin);
        };
        let process = self.process(origin.proposer);
        let Some(open) = process.readings.get_mut(&origin.op) else { return };
        let progress = open.reading.on_answer(AcceptorId(origin.acceptor), accepted, value);
        self.follow_reading(origin.proposer, origin.op, progress);
    }

    pub(super) fn on_read_lost(&mut self, origin: &Origin) {
        let process = self.process(origin.proposer);
        let Some(open) = process.readings.get_mut(&origin.op) else { return };
        let progress = open.reading.on_error(AcceptorId(origin.acceptor));
        self.follow_reading(origin.proposer, origin.op, progress);
    }

    pub(super) fn on_read_over(&mut self, op: OpId, life: u32) {
        let Some(operation) = self.operations.get(&op) else { return };
        let proposer = operation.proposer;
        let process = self.process(proposer);
        if process.life == life && process.readings.contains_key(&op) {
            self.follow_reading(proposer, op, ReadProgress::Inconclusive);
        }
    }

    fn follow_reading(&mut self, proposer: u32, op: OpId, progress: ReadProgress<Shared>) {
        let found = match progress {
            ReadProgress::Wait => return,
            ReadProgress::Decided(found) => Some(found),
            ReadProgress::Inconclusive => None,
        };
        let Some(open) = self.process(proposer).readings.remove(&op) else { return };
        match found {
            Some(found) => {
                self.record.met(Situation::ReadSettled);
                self.answer_told(op, &told(found.as_ref()));
            }
            None => {
                self.record.met(Situation::ReadUnsettled);
                self.submit_call(op, proposer, &open.key);
            }
        }
    }
}
