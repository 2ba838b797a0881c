//! `results.json`: what a run came to, for programs to read.

use harness_history::{Counterexample, FaultPeriod, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the layout that this build writes.
pub const RESULTS_VERSION: u32 = 1;

/// Everything a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Version of this layout; see [`RESULTS_VERSION`].
    pub version: u32,
    /// The answer.
    pub verdict: Verdict,
    /// One sentence: why this verdict.
    pub reason: String,
    /// The command that reruns this run.
    pub rerun: String,
    /// What was run, and where.
    pub metadata: Metadata,
    /// What the checker found.
    pub check: CheckSummary,
    /// Every fault with its evidence, in order.
    pub faults: Vec<FaultPeriod>,
    /// Measures over all nodes together.
    pub total: Measures,
    /// Measures per node, in order of the nodes.
    pub nodes: Vec<Measures>,
    /// What was answered in each phase, by node and function; empty where it was not counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<CoveredPhase>,
    /// What would make a green answer mean nothing, and the limits that the user set.
    pub conditions: Vec<Condition>,
}

/// What was run, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// What was under test: `gryadka`.
    pub system: String,
    /// The rule of it, or of the harness, that was broken on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
    /// Name of the workload.
    pub workload: String,
    /// Name of the model that its history was checked against.
    pub model: String,
    /// Where it ran: `embedded`, `process`.
    pub environment: String,
    /// Seed of the generators and of the fault schedule.
    pub seed: u64,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// How long the load went on, in seconds.
    pub seconds: f64,
    /// Whether the run was cut short: by Ctrl-C, or because the harness died.
    pub interrupted: bool,
    /// What went wrong with servers or links beside the planned faults, a sentence each: a server that
    /// ended by itself, or did not come back after a fault. It ends the load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Versions by name: of the harness, the servers, the compiler's target.
    pub versions: BTreeMap<String, String>,
    /// The machine: its name, system, cores.
    pub host: String,
}

impl Metadata {
    /// What was under test, in words: nobody must take a mutant's verdict for the system's own.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.mutant {
            Some(mutant) => format!("{} with the mutant {mutant}", self.system),
            None => self.system.clone(),
        }
    }
}

/// What the checker found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckSummary {
    /// Objects that were checked, each by itself.
    pub keys: usize,
    /// Operations in the history.
    pub operations: usize,
    /// Of these, the ones whose outcome nobody knows.
    pub indeterminate: usize,
    /// How long the check took, in seconds.
    pub seconds: f64,
    /// Most configurations held at once.
    pub configurations: usize,
    /// Why the checker gave up, if it did.
    pub undecided: Option<String>,
    /// The violation, if there is one.
    pub counterexample: Option<Counterexample>,
    /// What was left out of the history, if its end was torn.
    pub left_out: Option<String>,
}

/// How the calls of one node, or of all of them, went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// The node, or `all`.
    pub node: String,
    /// Calls made.
    pub operations: usize,
    /// Calls that certainly happened.
    pub ok: usize,
    /// Calls that certainly did not.
    pub fail: usize,
    /// Calls of which nobody knows.
    pub info: usize,
    /// Calls that certainly happened, by function.
    pub ok_by_function: BTreeMap<String, usize>,
    /// Median latency of the calls that happened, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 99th percentile of the same, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Longest of the same, in milliseconds.
    pub max_ms: Option<f64>,
    /// Longest time without a call that happened, from the first invocation to the last event, in
    /// milliseconds.
    pub longest_gap_ms: Option<f64>,
    /// Calls that happened per second, from the first invocation to the last event.
    pub ok_per_second: f64,
}

/// What was answered in one phase of a run: before the first fault, under one fault, or after the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoveredPhase {
    /// The phase, in words; of a fault, what it does to whom.
    pub name: String,
    /// The number of the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<u32>,
    /// By node, and within a node by function.
    pub cells: Vec<CoveredCell>,
}

/// What was answered in one phase to the calls of one function by the clients of one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoveredCell {
    /// The node.
    pub node: String,
    /// The function.
    pub function: String,
    /// How long the phase was in which the node kept a quorum, in seconds.
    pub seconds: f64,
    /// Calls that certainly happened.
    pub ok: usize,
    /// Calls of which the store said that their condition did not hold.
    pub refused: usize,
    /// Answers per second, as a share of those before the first fault; absent where either is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

impl CoveredCell {
    /// Calls that the store has answered: done, or refused because their condition did not hold.
    #[must_use]
    pub const fn answered(&self) -> usize {
        self.ok + self.refused
    }

    /// Answers per second; 0 where there was no time.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.answered() as f64 / self.seconds } else { 0.0 }
    }
}

/// Something that was demanded of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What was demanded, in words.
    pub demand: String,
    /// What was seen, in words.
    pub seen: String,
    /// Whether that is enough.
    pub met: bool,
}
