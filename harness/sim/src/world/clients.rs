//! Clients: one call after the other, each with an answer or a doubt at its end.

use super::{Event, Key, World};
use crate::change::{Shared, Told};
use crate::message::OpId;
use crate::situation::Situation;
use harness_history::{Function, Outcome, Value};
use std::collections::BTreeMap;
use std::rc::Rc;
use workloads::{Answer, Call};

/// One thread of calls.
#[derive(Debug)]
pub(super) struct Client {
    /// The logical client; its thread goes on as another one after a doubt.
    process: u64,
    /// What it was told of each object last: the value, and its version.
    told: BTreeMap<Key, (Shared, u64)>,
}

/// One call, followed to its end.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) call: Call,
    pub(super) key: Key,
    pub(super) proposer: u32,
    /// The version that it expects, where versions are compared.
    pub(super) expected: Option<u64>,
    /// When it was asked.
    pub(super) asked: u64,
    process: u64,
    pub(super) answered: bool,
}

/// A client waits this many times as long as its proposer is to try.
const PATIENCE: u64 = 3;

/// How many times the driver's patience clients wait for the membership to come to rest, and how often
/// they look, in nanoseconds.
const LINGERS: u64 = 10;
const LOOKS: u64 = 5_000_000;

/// How long a client waits after a call that failed, in nanoseconds.
const AFTER_FAILURE: u64 = 1_000_000;

impl Client {
    pub(super) const fn new(process: u64) -> Self {
        Self { process, told: BTreeMap::new() }
    }
}

impl World<'_> {
    /// Puts the client's next call into the queue, not before a pause is over, or sees it off.
    pub(super) fn schedule_next(&mut self, client: u32, pause: u64) {
        if self.script.would_close(client) && !self.membership_rests() {
            let until = self.now + LINGERS * self.tries();
            return self.put_after(LOOKS, Event::Linger { client, until });
        }
        self.schedule_start(client, pause);
    }

    /// What was written before the membership changed is read when it changes no more, unless that
    /// takes too long.
    pub(super) fn linger(&mut self, client: u32, until: u64) {
        if self.membership_rests() || self.now >= until {
            return self.schedule_start(client, 0);
        }
        self.put_after(LOOKS, Event::Linger { client, until });
    }

    fn schedule_start(&mut self, client: u32, pause: u64) {
        match self.script.next_start(client, self.now + pause) {
            Some(at) => self.queue.put(at, Event::Invoke { client }),
            None => self.busy -= 1,
        }
    }

    pub(super) fn invoke(&mut self, client: u32) {
        let Some(planned) = self.script.next(client, self.now) else {
            self.busy -= 1;
            return;
        };
        let process = self.clients[client as usize].process;
        let (op, proposer, call) = (planned.id, planned.proposer, planned.call());
        self.record.invoked(self.now, process, &planned);
        let (f, key, value) = (call.f, &call.key, &call.value);
        self.record.line(self.now, || format!("{op} asks p{proposer}: {f} {value} on {key}"));
        let key: Key = Rc::from(call.key.as_str());
        let (expected, asked) = (self.expected(client, &call, &key), self.now);
        let operation =
            Operation { call, key, proposer, expected, asked, process, answered: false };
        self.operations.insert(op, operation);
        if self.processes[proposer as usize - 1].is_up() {
            let patience = self.setup.deadline.saturating_mul(PATIENCE);
            self.put_after(patience, Event::GiveUp { op });
            self.handle(Event::Start { op });
        } else {
            self.answer(op, Outcome::Fail, None, Some("its proposer is down"));
        }
    }

    /// The version that a compare-and-set expects, if the client was told one with the value.
    fn expected(&self, client: u32, call: &Call, key: &Key) -> Option<u64> {
        if call.f != Function::Cas || !self.setup.load.by_version {
            return None;
        }
        let (value, version) = self.clients[client as usize].told.get(key)?;
        (**value == call.value[0] && !value.is_null()).then_some(*version)
    }

    /// The client remembers of which version it was told.
    pub(super) fn remember_version(&mut self, op: OpId, told: &Told) {
        let Some(operation) = self.operations.get(&op) else { return };
        let value = match (operation.call.f, told.outcome) {
            (Function::Read, Outcome::Ok) => told.value.clone(),
            (Function::Write, Outcome::Ok) => Rc::new(operation.call.value.clone()),
            (Function::Cas, Outcome::Ok) => Rc::new(operation.call.value[1].clone()),
            (Function::Cas, _) => Rc::new(told.value["observed"].clone()),
            (_, _) => return,
        };
        let key = operation.key.clone();
        if operation.call.f != Function::Read && told.outcome == Outcome::Ok {
            self.follow_write(&key);
        }
        self.clients[op.client as usize].told.insert(key, (value, told.version));
    }

    /// Tells the client how its call ended, unless it has stopped listening. Without a value the
    /// call's own argument is given back.
    pub(super) fn answer(
        &mut self,
        op: OpId,
        outcome: Outcome,
        value: Option<&Value>,
        error: Option<&str>,
    ) {
        let Some(operation) = self.operations.get_mut(&op) else { return };
        if operation.answered {
            return;
        }
        operation.answered = true;
        let value = value.unwrap_or(&operation.call.value).clone();
        let answer = Answer { outcome, value, error: error.map(str::to_owned) };
        self.record.answered(self.now, operation.process, &operation.call, &answer);
        self.record.line(self.now, || match error {
            Some(error) => format!("{op} is told {outcome:?}: {error}"),
            None => format!("{op} is told {outcome:?} {}", answer.value),
        });
        match outcome {
            Outcome::Info => {
                self.record.met(Situation::Unknown);
                self.unknown.insert(operation.key.clone());
            }
            Outcome::Ok if operation.call.f == Function::Read => {
                if self.unknown.remove(&operation.key) {
                    self.record.met(Situation::UnknownThenRead);
                }
            }
            Outcome::Fail if error.is_none() => self.record.met(Situation::RefusalConfirmed),
            Outcome::Ok | Outcome::Fail => {}
        }
        self.script.learn(op.client, &operation.call, &answer);
        if outcome == Outcome::Ok && operation.call.f != Function::Read {
            self.weather.written();
        }
        if outcome == Outcome::Info {
            self.clients[op.client as usize].process += u64::from(self.setup.clients);
        }
        // A client does not hammer on a closed door.
        let failed = outcome == Outcome::Fail && error.is_some();
        self.schedule_next(op.client, if failed { AFTER_FAILURE } else { 0 });
    }

    /// The client's own patience has run out, whatever its proposer is doing.
    pub(super) fn on_give_up(&mut self, op: OpId) {
        if self.operations.get(&op).is_some_and(|operation| !operation.answered) {
            self.record.met(Situation::ClientGaveUpFirst);
            self.answer(op, Outcome::Info, None, Some("no answer in time"));
        }
    }
}
