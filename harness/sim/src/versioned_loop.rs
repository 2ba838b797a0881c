//! The published simulation's client loop.

use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use serde_json::json;
use std::collections::BTreeMap;
use workloads::{Answer, Call, Generator};

/// Reads a key drawn at random, where the empty register counts as version 0 and value 0; then sets
/// the value to 3 more, if the version is still the one read.
#[derive(Debug)]
pub(crate) struct VersionedLoop {
    keys: u32,
    /// What each client has just read: the key, the version, and the value.
    read: BTreeMap<u64, (String, u64, u64)>,
}

impl VersionedLoop {
    pub(crate) const fn new(keys: u32) -> Self {
        Self { keys, read: BTreeMap::new() }
    }
}

impl Generator for VersionedLoop {
    fn next(&mut self, thread: u64, random: &mut Pcg32) -> Call {
        match self.read.remove(&thread) {
            Some((key, version, value)) => {
                Call { f: Function::Cas, key, value: json!([version, value + 3]) }
            }
            None => {
                let key = random.random_range(0..self.keys.max(1)).to_string();
                Call { f: Function::Read, key, value: Value::Null }
            }
        }
    }

    fn learn(&mut self, thread: u64, call: &Call, answer: &Answer) {
        if call.f == Function::Read && answer.outcome == Outcome::Ok {
            let number = |at: usize| answer.value[at].as_u64().unwrap_or(0);
            self.read.insert(thread, (call.key.clone(), number(0), number(1)));
        }
    }
}
