//! Keys that are written when the load begins, left alone, and read at its end by every node.
//!
//! A key that nobody touches while the membership changes is there afterwards only if it was brought
//! along; one that is written all the time is committed again anyway.

use super::Generator;
use crate::{Answer, Call};
use harness_history::{Function, Outcome, Value};
use rand_pcg::Pcg32;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};

/// What the names of these keys begin with.
const PREFIX: &str = "cold";

/// Another generator, and cold keys before and after it.
pub(crate) struct Cold {
    warm: Box<dyn Generator>,
    /// How a key is written first.
    write: Function,
    keys: u32,
    nodes: u64,
    to_write: VecDeque<u32>,
    /// What each node has still to read.
    to_read: BTreeMap<u64, VecDeque<u32>>,
    written: u64,
}

impl Cold {
    pub(crate) fn new(warm: Box<dyn Generator>, write: Function, keys: u32, nodes: u32) -> Self {
        Self {
            warm,
            write,
            keys,
            nodes: u64::from(nodes.max(1)),
            to_write: (1..=keys).collect(),
            to_read: BTreeMap::new(),
            written: 0,
        }
    }

    fn reads_left_to(&mut self, thread: u64) -> Option<&mut VecDeque<u32>> {
        self.to_read.get_mut(&(thread % self.nodes))
    }
}

/// Whether a key is a cold one.
#[must_use]
pub fn is_cold(key: &str) -> bool {
    number(key).is_some()
}

fn number(key: &str) -> Option<u32> {
    key.strip_prefix(PREFIX)?.parse().ok()
}

impl Generator for Cold {
    fn next(&mut self, thread: u64, random: &mut Pcg32) -> Call {
        if let Some(key) = self.to_write.pop_front() {
            self.written += 1;
            let creates = self.write == Function::Cas;
            let value = if creates { json!([null, 0]) } else { self.written.into() };
            return Call { f: self.write, key: format!("{PREFIX}{key}"), value };
        }
        if let Some(key) = self.reads_left_to(thread).and_then(VecDeque::pop_front) {
            return Call { f: Function::Read, key: format!("{PREFIX}{key}"), value: Value::Null };
        }
        self.warm.next(thread, random)
    }

    fn learn(&mut self, thread: u64, call: &Call, answer: &Answer) {
        let Some(key) = number(&call.key) else { return self.warm.learn(thread, call, answer) };
        if answer.outcome == Outcome::Ok {
            return;
        }
        if call.f == Function::Read {
            self.reads_left_to(thread).into_iter().for_each(|keys| keys.push_back(key));
        } else if answer.value.get("observed").is_none() {
            self.to_write.push_back(key);
        }
    }

    fn calm(&mut self) {
        let keys = || (1..=self.keys).collect();
        self.to_read = (0..self.nodes).map(|node| (node, keys())).collect();
        self.warm.calm();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Append;
    use rand::SeedableRng;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_is_written_until_it_is_there_and_read_by_every_node_at_the_end() {
        let mut generator = Cold::new(Box::new(Append::new(1, 1)), Function::Append, 3, 2);
        let mut random = Pcg32::seed_from_u64(1);
        let failed = || Answer { outcome: Outcome::Fail, value: Value::Null, error: None };
        let mut ask = |generator: &mut Cold, thread, fails: bool| {
            let call = generator.next(thread, &mut random);
            let answer = if fails { failed() } else { Answer::ok(Value::Null) };
            generator.learn(thread, &call, &answer);
            (thread % 2, call.f, call.key)
        };
        let written: Vec<_> = (0..5).map(|n| ask(&mut generator, n, n < 2).2).collect();
        assert_eq!(written, ["cold1", "cold2", "cold3", "cold1", "cold2"]);
        assert!((0..20).all(|n| !is_cold(&ask(&mut generator, n, false).2)));
        generator.calm();
        let read: Vec<_> = (0..8).map(|n| ask(&mut generator, n, n < 2)).collect();
        let keys: BTreeSet<_> = read.iter().cloned().collect();
        assert!(read.iter().all(|(_, f, key)| *f == Function::Read && is_cold(key)), "{read:?}");
        assert_eq!(keys.len(), 2 * 3, "every node reads every key: {read:?}");
        assert!((0..20).all(|n| !is_cold(&ask(&mut generator, n, false).2)));
    }
}
