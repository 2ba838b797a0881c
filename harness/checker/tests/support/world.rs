//! A simulated object with concurrent clients: every history of it is linearizable by construction.

use super::object;
use harness_history::{Event, Function, Kind, Operation, operations};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What to simulate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    pub(crate) model: &'static str,
    pub(crate) keys: usize,
    pub(crate) clients: u64,
    pub(crate) operations: usize,
    /// Of a thousand operations, how many end without an answer.
    pub(crate) lost: u32,
    /// Values are drawn from so many; from as many as there are operations if none is given.
    pub(crate) values: Option<u64>,
    /// What changes answer. If anything, a refused compare-and-set says what it saw.
    pub(crate) telling: Telling,
}

/// What a change answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    Nothing,
    /// Its argument.
    Echo,
    /// What it left: the version where there is one.
    After,
    /// What it found.
    Before,
}

enum Due {
    Invoke(u64),
    Apply(usize),
    End(usize),
}

struct Pending {
    process: u64,
    key: usize,
    f: Function,
    input: Value,
    answer: Option<Value>,
    observed: Value,
    lost: bool,
}

struct Simulation<'a> {
    world: &'a World,
    random: Pcg64Mcg,
    due: BTreeMap<(u64, u64), Due>,
    sequence: u64,
    pending: Vec<Pending>,
    states: Vec<Value>,
    events: Vec<Event>,
    next_value: u64,
}

impl World {
    /// The history that a seed gives.
    pub(crate) fn history(&self, seed: u64) -> Vec<Operation> {
        operations(&self.events(seed)).unwrap_or_default()
    }

    /// The same as events.
    pub(crate) fn events(&self, seed: u64) -> Vec<Event> {
        let mut simulation = Simulation {
            world: self,
            random: Pcg64Mcg::seed_from_u64(seed),
            due: BTreeMap::new(),
            sequence: 0,
            pending: Vec::new(),
            states: vec![object::initial(self.model); self.keys],
            events: Vec::new(),
            next_value: 1,
        };
        for process in 0..self.clients {
            let start = simulation.random.random_range(0..100);
            simulation.plan(start, Due::Invoke(process));
        }
        while let Some(((time, _), due)) = simulation.due.pop_first() {
            simulation.happen(time, due);
        }
        simulation.events
    }
}

impl Simulation<'_> {
    fn plan(&mut self, time: u64, due: Due) {
        self.sequence += 1;
        self.due.insert((time, self.sequence), due);
    }

    fn happen(&mut self, time: u64, due: Due) {
        match due {
            Due::Invoke(process) if self.pending.len() < self.world.operations => {
                self.invoke(time, process);
            }
            Due::Invoke(_) => {}
            Due::Apply(number) => {
                let pending = &mut self.pending[number];
                let state = &mut self.states[pending.key];
                pending.observed = state.clone();
                let (answer, next) =
                    object::call(self.world.model, state, pending.f, &pending.input);
                pending.answer = answer;
                *state = next;
            }
            Due::End(number) => self.end(time, number),
        }
    }

    fn invoke(&mut self, time: u64, process: u64) {
        let number = self.pending.len();
        let key = self.random.random_range(0..self.world.keys);
        let (f, input) = self.call(key);
        let lost = self.random.random_range(0..1000) < self.world.lost;
        let latency = 1 + self.random.random_range(0..100) * self.random.random_range(1..4);
        // A lost call takes effect in time, or late, or very late, or never.
        let delay = match self.random.random_range(0..4) {
            _ if !lost => Some(self.random.random_range(0..latency)),
            0 => Some(self.random.random_range(0..latency)),
            1 => Some(self.random.random_range(0..latency * 4)),
            2 => Some(self.random.random_range(0..latency * 100)),
            _ => None,
        };
        if let Some(delay) = delay {
            self.plan(time + delay, Due::Apply(number));
        }
        self.plan(time + latency, Due::End(number));
        self.record(time, process, Kind::Invoke, f, key, input.clone());
        let (answer, observed) = (None, Value::Null);
        self.pending.push(Pending { process, key, f, input, answer, observed, lost });
    }

    fn call(&mut self, key: usize) -> (Function, Value) {
        let dice = self.random.random_range(0..4);
        if dice < 2 {
            let read = if self.world.model == "kv-append" { Function::Get } else { Function::Read };
            return (read, Value::Null);
        }
        self.next_value += 1;
        let value = match self.world.values {
            Some(values) => self.random.random_range(0..values),
            None => self.next_value,
        };
        match (self.world.model, dice) {
            ("cas-register" | "versioned-cas", 3) => {
                let state = &self.states[key];
                let versioned = self.world.model == "versioned-cas";
                let expected =
                    if versioned { json!(state[0].as_u64().unwrap_or(0)) } else { state.clone() };
                let expected = match self.world.values {
                    Some(values) if !versioned && self.random.random_bool(0.5) => {
                        json!(self.random.random_range(0..values))
                    }
                    _ => expected,
                };
                (Function::Cas, json!([expected, value]))
            }
            ("counter", _) => (Function::Add, json!(value % 5 + 1)),
            ("append", _) => (Function::Append, json!(value)),
            ("kv-append", 3) if self.random.random_bool(0.1) => {
                (Function::Put, json!(format!("{value}.")))
            }
            ("kv-append", _) => (Function::Append, json!(format!("{value}."))),
            _ => (Function::Write, json!(value)),
        }
    }

    fn end(&mut self, time: u64, number: usize) {
        let pending = &self.pending[number];
        let reading = matches!(pending.f, Function::Read | Function::Get);
        let (process, f, key) = (pending.process, pending.f, pending.key);
        let (kind, value) = match (&pending.answer, pending.lost) {
            (_, true) => (Kind::Info, Value::Null),
            (None, _) if self.world.telling != Telling::Nothing => {
                (Kind::Fail, json!({ "observed": pending.observed }))
            }
            (None, _) => (Kind::Fail, Value::Null),
            (Some(answer), _) if reading => (Kind::Ok, answer.clone()),
            (Some(answer), _) => (
                Kind::Ok,
                match self.world.telling {
                    Telling::Nothing => Value::Null,
                    Telling::Echo => pending.input.clone(),
                    Telling::After => answer.clone(),
                    Telling::Before => pending.observed.clone(),
                },
            ),
        };
        self.record(time, process, kind, f, key, value);
        let process = if kind == Kind::Info { process + self.world.clients } else { process };
        let pause = self.random.random_range(1..40);
        self.plan(time + pause, Due::Invoke(process));
    }

    fn record(
        &mut self,
        time: u64,
        process: u64,
        kind: Kind,
        f: Function,
        key: usize,
        value: Value,
    ) {
        let index = self.events.len() as u64;
        let key = (self.world.keys > 1).then(|| format!("k{key}"));
        self.events.push(Event { index, time, process, kind, f, key, value, error: None });
    }
}

/// Spoils some answers and arguments of a small history, so that it may or may not be linearizable.
pub(crate) fn spoil(events: &mut [Event], times: usize, seed: u64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    for _ in 0..times.min(events.len()) {
        let (a, b) = (random.random_range(0..events.len()), random.random_range(0..events.len()));
        let same_kind = events[a].f == events[b].f && events[a].kind == events[b].kind;
        if same_kind && !matches!(events[a].kind, Kind::Invoke) {
            // Two calls of one kind get each other's answer.
            let value = events[a].value.clone();
            events[a].value = std::mem::replace(&mut events[b].value, value);
        } else if a.abs_diff(b) == 1 && events[a].process != events[b].process {
            events.swap(a, b);
        } else if events[a].kind == Kind::Ok && random.random_bool(0.3) {
            events[a].kind = Kind::Info;
            events[a].value = Value::Null;
        }
    }
    retire(events);
}

/// A process that lost an answer goes on as another.
fn retire(events: &mut [Event]) {
    let clients = events.iter().map(|event| event.process).collect::<BTreeSet<_>>();
    let mut next = clients.last().map_or(0, |last| last + 1);
    let mut names: BTreeMap<u64, u64> = BTreeMap::new();
    for event in events {
        let process = event.process;
        event.process = names.get(&process).copied().unwrap_or(process);
        if event.kind == Kind::Info {
            names.insert(process, next);
            next += 1;
        }
    }
}
