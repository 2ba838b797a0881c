//! The cases of a run, turn by turn, over the same servers.

use crate::bare_connection::{self, BareConnection};
use crate::closed_loop::{self, Setting};
use crate::meter::Measurement;
use crate::plan::{self, Case};
use crate::servers::Servers;
use crate::slice::{Outcomes, Slice};
use crate::subject::{self, Proposer, Subject, Wire};
use crate::tape::Tape;
use crate::workload::Workload;
use crate::{BenchError, Figures, Options, Sample, Soak, fan_out, open_loop, pipeline, resp};
use gryadka::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// How many registers the raw cases write to, in turn.
const RAW_KEYS: u64 = 64;
/// Each case runs for this part of a slice before it is measured.
const WARM_UP_DIVISOR: u32 = 4;

/// What the turns of a run share.
pub(crate) struct Bench<'a> {
    servers: &'a mut Servers,
    // Dropped before the runtime that their tasks live on.
    proposers: Vec<Arc<Proposer>>,
    runtime: Runtime,
    connections: Vec<BareConnection>,
    wire: Wire,
    value: Bytes,
    deadline: Duration,
    window: usize,
    /// The counter of the last raw accept.
    counter: u64,
}

/// A case with what its loops need, and how many turns it has had.
struct Entry<'a> {
    case: &'a Case,
    setting: Setting<Proposer>,
    turns: u64,
}

impl<'a> Bench<'a> {
    /// Opens all that the cases need: a store for each proposer, and bare connections.
    pub(crate) fn open(
        options: &Options,
        servers: &'a mut Servers,
        prefix: &str,
        proposers: usize,
    ) -> Result<Self, BenchError> {
        let runtime = runtime(options.threads)?;
        let proposers = runtime.block_on(subject::open(&servers.urls(), prefix, proposers))?;
        // The raw client has a cluster of its own, so that the two do not meet.
        let wire = Wire::new(&format!("{prefix}raw:"))?;
        runtime.block_on(wire.join(&servers.urls()))?;
        servers.load(Wire::SCRIPT)?;
        let connections = servers.iter().map(BareConnection::open).collect::<Result<_, _>>()?;
        Ok(Self {
            servers,
            proposers,
            runtime,
            connections,
            wire,
            value: vec![b'v'; options.value].into(),
            deadline: options.deadline,
            window: options.window,
            counter: 0,
        })
    }

    /// Gives every case its turns, and takes the figures together.
    pub(crate) fn figures(
        &mut self,
        options: &Options,
        cases: &[Case],
    ) -> Result<Vec<Figures>, BenchError> {
        let mut entries = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let mut entry = self.enter(case, number)?;
            drop(self.turn(&mut entry, options.slice / WARM_UP_DIVISOR)?);
            entries.push(entry);
        }
        let mut slices: Vec<Vec<Slice>> = cases.iter().map(|_| Vec::new()).collect();
        for number in plan::turns(cases.len(), options.rounds) {
            let slice = self.turn(&mut entries[number], options.slice)?;
            tracing::info!(case = cases[number].name(), per_second = slice.per_second());
            slices[number].push(slice);
        }
        let raw = cases.iter().position(|case| *case == Case::RawAccept);
        let raw = raw.map_or(&[][..], |number| &slices[number]);
        let raw: Vec<_> = raw.iter().map(Slice::per_second).collect();
        let servers = self.servers.count();
        let figures = cases.iter().zip(&slices).filter_map(|(case, slices)| {
            Figures::of(case.name(), slices, &raw, servers).transpose()
        });
        figures.collect()
    }

    /// Full load for `span`, with samples of all memory at intervals.
    pub(crate) fn soak(&mut self, options: &Options, span: Duration) -> Result<Soak, BenchError> {
        let workload = Workload { delete_share: options.delete_share, ..Workload::of(options) };
        let case = Case::Load(workload);
        let mut entry = self.enter(&case, 0)?;
        let _collecting = self.proposers.first().map(|proposer| {
            let _inside = self.runtime.enter();
            subject::collecting(proposer)
        });
        // What a process takes only once is not growth.
        drop(self.turn(&mut entry, options.every.min(span))?);
        let (mut samples, mut outcomes) = (Vec::new(), Outcomes::default());
        let begin = Instant::now();
        while begin.elapsed() < span {
            let every = options.every.min(span.saturating_sub(begin.elapsed()));
            let slice = self.turn(&mut entry, every)?;
            outcomes.add(slice.outcomes);
            samples.push(Sample {
                at_s: begin.elapsed().as_secs_f64(),
                own_rss: own_rss()?,
                used_memory: self.servers.used_memory()?,
                keys: self.servers.keys()?,
                per_second: slice.per_second(),
            });
        }
        Ok(Soak::of(options.delete_share, outcomes, samples))
    }

    /// Writes the keys of a case that is about the store.
    fn enter<'c>(&self, case: &'c Case, number: usize) -> Result<Entry<'c>, BenchError> {
        let setting = self.setting(case.workload(), number);
        if case.workload().is_some() {
            self.runtime.block_on(setting.populate())?;
        }
        Ok(Entry { case, setting, turns: 0 })
    }

    /// One turn of one case, with what it cost.
    fn turn(&mut self, entry: &mut Entry<'_>, span: Duration) -> Result<Slice, BenchError> {
        let conflicts = self.conflicts();
        let before = Measurement::take(self.servers)?;
        entry.turns += 1;
        let mut slice = match entry.case {
            Case::RawAccept => self.raw_accepts(span)?,
            Case::RawSet => self.raw_sets(span)?,
            Case::FanOut => self.fan_out(span)?,
            Case::Load(workload) => self.load(&entry.setting, workload, entry.turns, span)?,
        };
        slice.costs = Measurement::take(self.servers)?.since(&before);
        if entry.case.workload().is_some() {
            let seen = self.conflicts().zip(conflicts);
            slice.conflicts = seen.map(|(after, before)| after - before);
        }
        Ok(slice)
    }

    fn load(
        &self,
        setting: &Setting<Proposer>,
        workload: &Workload,
        round: u64,
        span: Duration,
    ) -> Result<Slice, BenchError> {
        let tallies = match workload.rate {
            Some(rate) => {
                self.runtime.block_on(open_loop::run(setting, workload, rate, round, span))
            }
            None => self.runtime.block_on(closed_loop::run(setting, workload, round, span)),
        };
        Slice::of(span, &tallies?)
    }

    fn raw_accepts(&mut self, span: Duration) -> Result<Slice, BenchError> {
        let (connections, window) = (&mut self.connections, self.window);
        let mut make = accepts(&self.wire, &self.value, &mut self.counter);
        bare_connection::begin(connections, Wire::ACCEPTED);
        pipeline::run(connections, &mut Tape::of(&mut make), window, span)
    }

    fn raw_sets(&mut self, span: Duration) -> Result<Slice, BenchError> {
        let mut number = 0;
        let prefix = self.wire.prefix();
        let mut make = || {
            number += 1;
            let key = format!("{prefix}set:{}", number % RAW_KEYS);
            resp::command(&[b"SET", key.as_bytes(), &self.value])
        };
        bare_connection::begin(&mut self.connections, b"+OK\r\n");
        pipeline::run(&mut self.connections, &mut Tape::of(&mut make), self.window, span)
    }

    fn fan_out(&mut self, span: Duration) -> Result<Slice, BenchError> {
        let mut make = accepts(&self.wire, &self.value, &mut self.counter);
        bare_connection::begin(&mut self.connections, Wire::ACCEPTED);
        fan_out::run(&mut self.connections, &mut Tape::of(&mut make), span)
    }

    /// What a case's loops have in common; its keys are its own.
    fn setting(&self, workload: Option<&Workload>, number: usize) -> Setting<Proposer> {
        let (proposers, keys) = workload.map_or((0, 0), |load| (load.proposers, load.keys));
        Setting {
            subjects: self.proposers.iter().take(proposers).cloned().collect(),
            keys: (0..keys).map(|key| format!("{number}:{key}").into_bytes()).collect(),
            value: self.value.clone(),
            deadline: self.deadline,
        }
    }

    fn conflicts(&self) -> Option<u64> {
        self.proposers.iter().map(|proposer| proposer.conflicts()).sum()
    }
}

/// Accepts on the raw registers in turn, each above all before.
fn accepts<'a>(
    wire: &'a Wire,
    value: &'a [u8],
    counter: &'a mut u64,
) -> impl FnMut() -> Vec<u8> + use<'a> {
    move || {
        *counter += 1;
        wire.accept_call(format!("raw:{}", *counter % RAW_KEYS).as_bytes(), *counter, value)
    }
}

/// The store's tasks run on the calling thread, or on workers of their own.
fn runtime(threads: usize) -> Result<Runtime, BenchError> {
    let mut builder = match threads {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let built = builder.worker_threads(threads.max(1)).enable_all().build();
    built.map_err(|source| BenchError::System { what: "start the runtime", source })
}

/// Resident memory of this process, in bytes.
fn own_rss() -> Result<u64, BenchError> {
    let what = "read this process's memory from /proc/self/status";
    let status = std::fs::read_to_string("/proc/self/status")
        .map_err(|source| BenchError::System { what, source })?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    let missing = || BenchError::System { what, source: std::io::ErrorKind::InvalidData.into() };
    kibibytes.map(|kibibytes: u64| kibibytes * 1024).ok_or_else(missing)
}
