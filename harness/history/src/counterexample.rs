//! How a violation is told to a person.

use crate::{Function, Outcome};
use serde::{Deserialize, Serialize};

/// The smallest window of operations found that cannot be put into any legal order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counterexample {
    /// The object it is about; absent when the history is about a single one.
    pub key: Option<String>,
    /// One sentence: what cannot be.
    pub sentence: String,
    /// The argument step by step, a sentence each.
    pub story: Vec<String>,
    /// The operations that prove it, in order of invocation.
    pub operations: Vec<Witness>,
    /// Which of `operations` cannot be ordered: the one whose return closes every way on.
    pub failing: usize,
    /// The states that the object could be in just before that return.
    pub states: Vec<String>,
}

/// One operation of a counterexample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// The logical client that called.
    pub process: u64,
    /// What was asked.
    pub f: Function,
    /// The call in words: `write 5`, `cas 3 → 4`.
    pub call: String,
    /// The answer in words: `ok`, `read 5`, `no answer`.
    pub answer: String,
    /// How it counts in the proof. A weakened operation may count as less than it was.
    pub outcome: Outcome,
    /// Position of the invocation in the history, from 0.
    pub invoked: usize,
    /// Nanoseconds from the start of the run to the invocation.
    pub invoked_time: u64,
    /// Position of the completion in the history, if it counts in the proof.
    pub completed: Option<usize>,
    /// Nanoseconds from the start of the run to the completion.
    pub completed_time: Option<u64>,
}
