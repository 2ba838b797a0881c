//! What a run has found.

use crate::{Figures, Fsync, Soak, Target};

/// Everything about one run. Its `Display` is what people read; as JSON it is complete.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// How it was measured.
    pub setup: Setup,
    /// The figures of each case, in the order of the plan. Empty for a soak.
    pub cases: Vec<Figures>,
    /// The figures that are wanted, for the profile that has some.
    pub targets: Vec<Target>,
    /// The soak, if it was one.
    pub soak: Option<Soak>,
}

/// What one must know to repeat a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Setup {
    /// What the servers run.
    pub server: String,
    /// How many there are.
    pub acceptors: usize,
    /// Whether they were given, and not started by the run.
    pub given: bool,
    /// When private servers sync their append-only file; none when there is no such file.
    pub fsync: Option<Fsync>,
    /// Bytes of a value.
    pub value_bytes: usize,
    /// How many turns each case had.
    pub rounds: usize,
    /// How long a turn was, in milliseconds.
    pub slice_ms: u64,
    /// Calls under way at each server in the raw cases.
    pub window: usize,
    /// Threads of the store's tasks; 0: all on one thread, that of the caller.
    pub threads: usize,
    /// Processors that the system offers.
    pub cores: usize,
}

impl Report {
    /// The whole report as JSON.
    ///
    /// # Errors
    /// None in practice: the report has no map and no foreign type.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}
