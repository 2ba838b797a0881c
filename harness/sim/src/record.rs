//! What a run leaves behind.

use crate::case::{Disturbance, PlannedCall};
use crate::message::{Fate, MessageId, Millis, OpId};
use crate::promises::Promises;
use crate::situation::{Coverage, Situation};
use caspaxos::Ballots;
use harness_history::{Event, FaultEvent, FaultStage, Kind, Outcome, Value};
use std::collections::BTreeMap;
use workloads::{Answer, Call};

/// How much is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The history, the counts and the coverage: what a verdict needs.
    Verdict,
    /// The message trace, the acceptors' ballots, and the case as well.
    Everything,
}

/// One change of what an acceptor holds of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct BallotChange {
    /// When, in virtual nanoseconds.
    pub time: u64,
    /// The acceptor, counted from 1.
    pub acceptor: u32,
    /// The object.
    pub key: String,
    /// The ballots that it holds from now on.
    pub held: Ballots,
    /// The value that it holds from now on; null when it holds none.
    pub value: Value,
    /// The operation that brought it about; none when memory was lost.
    pub by: Option<OpId>,
}

/// How much happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Calls of clients.
    pub operations: u64,
    /// Calls that certainly happened.
    pub ok: u64,
    /// Calls that certainly did not happen, and refused compare-and-sets.
    pub fail: u64,
    /// Calls of which nobody knows.
    pub info: u64,
    /// Messages sent.
    pub messages: u64,
    /// Messages that did not simply arrive, by what befell them.
    pub disturbed: BTreeMap<&'static str, u64>,
    /// Faults of links and processes, by kind.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Adds what happened in another run.
    pub fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.ok += other.ok;
        self.fail += other.fail;
        self.info += other.info;
        self.messages += other.messages;
        for (kind, count) in &other.disturbed {
            *self.disturbed.entry(kind).or_default() += count;
        }
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
    }
}

/// Writes a run down.
#[derive(Debug)]
pub(crate) struct Record {
    detail: Detail,
    pub(crate) events: Vec<Event>,
    pub(crate) fault_events: Vec<FaultEvent>,
    pub(crate) trace: Vec<String>,
    pub(crate) ballots: Vec<BallotChange>,
    pub(crate) operations: Vec<PlannedCall>,
    pub(crate) disturbed: Vec<Disturbance>,
    /// When each of the disturbed messages was sent.
    pub(crate) sent: Vec<u64>,
    pub(crate) counts: Counts,
    pub(crate) coverage: Coverage,
    pub(crate) promises: Promises,
}

impl Record {
    pub(crate) fn new(detail: Detail) -> Self {
        Self {
            detail,
            events: Vec::new(),
            fault_events: Vec::new(),
            trace: Vec::new(),
            ballots: Vec::new(),
            operations: Vec::new(),
            disturbed: Vec::new(),
            sent: Vec::new(),
            counts: Counts::default(),
            coverage: Coverage::default(),
            promises: Promises::default(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.detail == Detail::Everything
    }

    /// Adds a line to the trace.
    pub(crate) fn line(&mut self, now: u64, text: impl FnOnce() -> String) {
        if self.is_full() {
            self.trace.push(format!("{:>12}  {}", Millis(now).to_string(), text()));
        }
    }

    pub(crate) fn met(&mut self, situation: Situation) {
        self.coverage.met(situation);
    }

    pub(crate) fn message(&mut self, now: u64, message: MessageId, fate: Fate) {
        self.counts.messages += 1;
        let befell = match fate {
            Fate::Arrives { .. } => None,
            Fate::Twice { .. } => Some("repeated"),
            Fate::Lost => Some("lost"),
            Fate::Refused { .. } => Some("refused"),
            Fate::Broken { .. } => Some("broken"),
        };
        if let Some(befell) = befell {
            *self.counts.disturbed.entry(befell).or_default() += 1;
        }
        if self.is_full() && fate != Fate::CALM {
            self.disturbed.push(Disturbance { message, fate });
            self.sent.push(now);
        }
    }

    pub(crate) fn invoked(&mut self, now: u64, process: u64, planned: &PlannedCall) {
        self.counts.operations += 1;
        self.event(now, process, Kind::Invoke, &planned.call(), planned.value.clone(), None);
        if self.is_full() {
            self.operations.push(planned.clone());
        }
    }

    pub(crate) fn answered(&mut self, now: u64, process: u64, call: &Call, answer: &Answer) {
        let kind = match answer.outcome {
            Outcome::Ok => Kind::Ok,
            Outcome::Fail => Kind::Fail,
            Outcome::Info => Kind::Info,
        };
        match answer.outcome {
            Outcome::Ok => self.counts.ok += 1,
            Outcome::Fail => self.counts.fail += 1,
            Outcome::Info => self.counts.info += 1,
        }
        let error = answer.error.clone().map(Value::from);
        self.event(now, process, kind, call, answer.value.clone(), error);
    }

    fn event(
        &mut self,
        time: u64,
        process: u64,
        kind: Kind,
        call: &Call,
        value: Value,
        error: Option<Value>,
    ) {
        let index = self.events.len() as u64;
        let key = Some(call.key.clone());
        self.events.push(Event { index, time, process, kind, f: call.f, key, value, error });
    }

    /// A fault begins or ends; in a world it bites as soon as it is there.
    pub(crate) fn fault(
        &mut self,
        time: u64,
        fault: u32,
        name: &'static str,
        what: &str,
        on: bool,
    ) {
        let stages = if on {
            *self.counts.faults.entry(name).or_default() += 1;
            [FaultStage::Injected, FaultStage::Held]
        } else {
            [FaultStage::Undone, FaultStage::Gone]
        };
        self.line(time, || format!("{} {what}", if on { "fault:" } else { "over:" }));
        if self.is_full() {
            self.fault_events.extend(stages.map(|stage| FaultEvent {
                fault,
                time,
                name: name.to_owned(),
                what: what.to_owned(),
                stage,
                evidence: Vec::new(),
            }));
        }
    }
}
