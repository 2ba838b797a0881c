//! Which call a client makes next: drawn from the workload, or written in a case.

use crate::case::{Case, PlannedCall};
use crate::message::OpId;
use crate::setup::{Calls, Load, Setup};
use crate::versioned_loop::VersionedLoop;
use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use workloads::{Answer, Call, Generator, Workload};

/// Where calls come from.
pub(crate) enum Script {
    Drawn(Drawn),
    Written(Vec<VecDeque<PlannedCall>>),
}

/// Calls drawn from a seed.
pub(crate) struct Drawn {
    load: Load,
    proposers: u32,
    generator: Box<dyn Generator>,
    random: Pcg32,
    clients: Vec<Progress>,
    /// The objects that were asked for.
    touched: BTreeSet<String>,
}

/// How far a client has come.
#[derive(Default)]
struct Progress {
    /// What counts towards [`Load::each`].
    counted: u32,
    made: u32,
    /// What it was told of each object last.
    told: BTreeMap<String, Value>,
    /// The reads at the end, once they have been dealt out.
    closing: Option<VecDeque<String>>,
}

/// Of `versioned-loop`, how many calls a client makes at most for each write that it is to see
/// succeed: a world in which nothing succeeds ends all the same.
const CALLS_PER_WRITE: u32 = 40;

impl Script {
    pub(crate) fn drawn(setup: &Setup, random: Pcg32) -> Self {
        let load = setup.load.clone();
        let keys = load.keys;
        let generator: Box<dyn Generator> = match load.calls {
            // All keys are shared: a world is short, and what it finds is found where proposers contend.
            Calls::CasRegister => Workload::CasRegister.generator(0, keys),
            Calls::Append => Workload::Append.generator(0, keys),
            Calls::Increment => Workload::Increment.generator(keys, keys),
            Calls::VersionedLoop => Box::new(VersionedLoop::new(keys)),
        };
        let clients = (0..setup.clients).map(|_| Progress::default()).collect();
        let proposers = setup.proposers;
        Self::Drawn(Drawn { load, proposers, generator, random, clients, touched: BTreeSet::new() })
    }

    pub(crate) fn written(case: &Case) -> Self {
        let mut clients = vec![VecDeque::new(); case.setup.clients as usize];
        for operation in &case.operations {
            if let Some(client) = clients.get_mut(operation.id.client as usize) {
                client.push_back(operation.clone());
            }
        }
        Self::Written(clients)
    }

    /// Whether the client has made all its calls but its closing reads.
    pub(crate) fn would_close(&self, client: u32) -> bool {
        match self {
            Self::Drawn(drawn) => drawn.would_close(client),
            Self::Written(_) => false,
        }
    }

    /// When the client makes its next call; none when it has made its last.
    pub(crate) fn next_start(&mut self, client: u32, now: u64) -> Option<u64> {
        match self {
            Self::Drawn(drawn) => drawn.next_start(client, now),
            Self::Written(clients) => Some(clients[client as usize].front()?.at.max(now)),
        }
    }

    /// The client's next call.
    pub(crate) fn next(&mut self, client: u32, now: u64) -> Option<PlannedCall> {
        match self {
            Self::Drawn(drawn) => drawn.next(client, now),
            Self::Written(clients) => clients[client as usize].pop_front(),
        }
    }

    /// Learns how a call ended.
    pub(crate) fn learn(&mut self, client: u32, call: &Call, answer: &Answer) {
        if let Self::Drawn(drawn) = self {
            drawn.learn(client, call, answer);
        }
    }
}

impl Drawn {
    /// Whether the client has made its share of calls.
    fn is_through(&self, client: u32) -> bool {
        let versioned = self.load.calls == Calls::VersionedLoop;
        let most = if versioned { CALLS_PER_WRITE } else { 1 }.saturating_mul(self.load.each);
        let progress = &self.clients[client as usize];
        progress.counted >= self.load.each || progress.made >= most
    }

    fn would_close(&self, client: u32) -> bool {
        self.is_through(client) && self.clients[client as usize].closing.is_none()
    }

    /// The workload's next call, or a delete in its place.
    fn draw(&mut self, client: u32) -> Call {
        let call = self.generator.next(client.into(), &mut self.random);
        let in_place = match self.load.calls {
            Calls::CasRegister => call.f == Function::Write,
            Calls::Increment => call.f == Function::Read,
            Calls::Append | Calls::VersionedLoop => false,
        };
        let deletes = self.load.deletes > 0.0 && in_place;
        if deletes && self.random.random_bool(self.load.deletes.min(1.0)) {
            return Call { f: Function::Write, value: Value::Null, ..call };
        }
        let known = self.clients[client as usize].told.get(&call.key);
        match known {
            Some(known) if self.load.by_version && call.f == Function::Cas => {
                Call { value: json!([known, call.value[1]]), ..call }
            }
            Some(_) | None => call,
        }
    }

    fn next_start(&mut self, client: u32, now: u64) -> Option<u64> {
        if self.is_through(client) {
            if self.clients[client as usize].closing.is_none() {
                self.deal_closing_reads(client);
            }
            if self.clients[client as usize].closing.as_ref().is_none_or(VecDeque::is_empty) {
                return None;
            }
        }
        Some(now + self.random.random_range(0..=self.load.think))
    }

    /// Every object is read by one client, with the last one to finish reading what came late.
    fn deal_closing_reads(&mut self, client: u32) {
        let clients = self.clients.len();
        let last = self.clients.iter().filter(|progress| progress.closing.is_none()).count() == 1;
        let mine = |&(number, _): &(usize, &String)| last || number % clients == client as usize;
        let reads = self.touched.iter().enumerate().filter(mine).map(|(_, key)| key.clone());
        let reads = if self.load.closing_reads { reads.collect() } else { VecDeque::new() };
        self.clients[client as usize].closing = Some(reads);
    }

    fn next(&mut self, client: u32, now: u64) -> Option<PlannedCall> {
        let call = match &mut self.clients[client as usize].closing {
            Some(reads) => Call { f: Function::Read, key: reads.pop_front()?, value: Value::Null },
            None => self.draw(client),
        };
        let progress = &mut self.clients[client as usize];
        let id = OpId { client, number: progress.made };
        progress.made += 1;
        if self.load.calls != Calls::VersionedLoop {
            progress.counted += 1;
        }
        if !self.touched.contains(&call.key) {
            self.touched.insert(call.key.clone());
        }
        let proposer = if self.load.roams || progress.closing.is_some() {
            self.random.random_range(1..=self.proposers)
        } else {
            client % self.proposers + 1
        };
        Some(PlannedCall { id, at: now, proposer, f: call.f, key: call.key, value: call.value })
    }

    fn learn(&mut self, client: u32, call: &Call, answer: &Answer) {
        let written = call.f == Function::Cas && answer.outcome == Outcome::Ok;
        if self.load.calls == Calls::VersionedLoop && written {
            self.clients[client as usize].counted += 1;
        }
        let known = match (call.f, answer.outcome) {
            (Function::Read, Outcome::Ok) => Some(answer.value.clone()),
            (Function::Write, Outcome::Ok) => Some(call.value.clone()),
            (Function::Cas, Outcome::Ok) => Some(call.value[1].clone()),
            (Function::Cas, Outcome::Fail) => answer.value.get("observed").cloned(),
            (_, _) => None,
        };
        let told = known.map(|known| (call.key.clone(), known));
        self.clients[client as usize].told.extend(told);
        self.generator.learn(client.into(), call, answer);
    }
}
