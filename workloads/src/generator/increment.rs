//! One closed loop per node on a key of its own: read, then compare-and-set to one more.

use super::Generator;
use crate::{Answer, Call};
use harness_history::{Function, Outcome, Value};
use rand_pcg::Pcg32;
use serde_json::json;
use std::collections::BTreeMap;

/// The load of the published comparison (perseus), with a compare-and-set for its blind write: an
/// absent key is created as 0, any other number is replaced by the next.
pub(crate) struct Increment {
    nodes: u64,
    /// What each thread has just read, and will compare with.
    read: BTreeMap<u64, Value>,
}

impl Increment {
    pub(crate) fn new(nodes: u32) -> Self {
        Self { nodes: u64::from(nodes.max(1)), read: BTreeMap::new() }
    }
}

impl Generator for Increment {
    fn next(&mut self, thread: u64, _random: &mut Pcg32) -> Call {
        let key = format!("n{}", thread % self.nodes + 1);
        match self.read.remove(&thread) {
            None => Call { f: Function::Read, key, value: Value::Null },
            Some(from) => {
                let to = from.as_u64().map_or(0, |number| number + 1);
                Call { f: Function::Cas, key, value: json!([from, to]) }
            }
        }
    }

    fn learn(&mut self, thread: u64, call: &Call, answer: &Answer) {
        if call.f == Function::Read && answer.outcome == Outcome::Ok {
            self.read.insert(thread, answer.value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_thread_reads_then_sets_one_more_and_reads_again_after_a_doubt() {
        let mut generator = Increment::new(3);
        let mut random = Pcg32::seed_from_u64(0);
        let mut next = |answer: Option<Value>| {
            let call = generator.next(4, &mut random);
            let outcome = if answer.is_some() { Outcome::Ok } else { Outcome::Info };
            let answer = Answer { outcome, value: answer.unwrap_or_default(), error: None };
            generator.learn(4, &call, &answer);
            format!("{} {} {}", call.f, call.key, call.value)
        };
        let calls = [
            next(Some(Value::Null)),
            next(Some(Value::Null)),
            next(Some(0.into())),
            next(None),
            next(None),
            next(Some(7.into())),
            next(Some(Value::Null)),
        ];
        assert_eq!(
            calls,
            [
                "read n2 null",
                "cas n2 [null,0]",
                "read n2 null",
                "cas n2 [0,1]",
                "read n2 null",
                "read n2 null",
                "cas n2 [7,8]"
            ]
        );
    }
}
