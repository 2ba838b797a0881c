//! Reads, writes and compare-and-sets of unique values, and deletes.

use super::Generator;
use crate::{Answer, Call};
use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use serde_json::json;

/// Every so many writes there is a delete.
const DELETES: u32 = 6;

/// Every written value is a number never written before, so a read tells which write it saw. Now and
/// then null is written: to a store that is a delete, and to the model a register as it was at first.
pub(crate) struct CasRegister {
    /// What each key was last seen to hold: the likeliest `from` of a compare-and-set.
    seen: Vec<Value>,
    written: u64,
}

impl CasRegister {
    pub(crate) fn new(keys: u32) -> Self {
        Self { seen: vec![Value::Null; keys.max(1) as usize], written: 0 }
    }

    fn fresh(&mut self) -> u64 {
        self.written += 1;
        self.written
    }
}

impl Generator for CasRegister {
    fn next(&mut self, _thread: u64, random: &mut Pcg32) -> Call {
        let key = random.random_range(0..self.seen.len());
        let (f, value) = match random.random_range(0..4) {
            0 | 1 => (Function::Read, Value::Null),
            2 if random.random_ratio(1, DELETES) => (Function::Write, Value::Null),
            2 => (Function::Write, self.fresh().into()),
            _ => (Function::Cas, json!([self.seen[key], self.fresh()])),
        };
        Call { f, key: key.to_string(), value }
    }

    fn learn(&mut self, _thread: u64, call: &Call, answer: &Answer) {
        let held = match (answer.outcome, call.f) {
            (Outcome::Ok, Function::Read) => Some(answer.value.clone()),
            (Outcome::Ok, Function::Write) => Some(call.value.clone()),
            (Outcome::Ok, Function::Cas) => call.value.get(1).cloned(),
            (Outcome::Fail, Function::Cas) => answer.value.get("observed").cloned(),
            _ => None,
        };
        if let (Some(held), Ok(key)) = (held, call.key.parse::<usize>())
            && let Some(seen) = self.seen.get_mut(key)
        {
            *seen = held;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::BTreeSet;

    #[test]
    fn no_value_is_ever_written_twice_and_cas_expects_what_was_seen() {
        let mut generator = CasRegister::new(3);
        let mut random = Pcg32::seed_from_u64(1);
        let (mut written, mut deletes) = (BTreeSet::new(), 0);
        for _ in 0..2000 {
            let call = generator.next(0, &mut random);
            if call.f == Function::Read {
                continue;
            }
            let new = if call.f == Function::Cas { &call.value[1] } else { &call.value }.clone();
            if new.is_null() {
                deletes += 1;
            } else {
                assert!(written.insert(new.as_u64().unwrap()), "{new} written twice");
            }
            generator.learn(0, &call, &Answer::ok(Value::Null));
            assert_eq!(generator.seen[call.key.parse::<usize>().unwrap()], new);
        }
        assert!(written.len() > 800 && deletes > 50, "{deletes} deletes");
    }
}
