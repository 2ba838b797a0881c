//! Reads, writes and compare-and-sets of unique values, and deletes.

use super::{Generator, KeyChoice};
use crate::{Answer, Call};
use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use serde_json::json;
use std::collections::BTreeMap;

/// Every so many writes there is a delete.
const DELETES: u32 = 6;

/// Every written value is a number never written before, so a read tells which write it saw. Now and
/// then null is written: to a store that is a delete, and to the model a register as it was at first.
///
/// On the shared keys nodes contend. Beside them each node has a key that it alone changes and all read: what
/// a proposer wrongly takes from one of its changes into the next is overwritten at once where others write
/// as well. A client that was left in doubt writes the same key again, as real clients do.
pub(crate) struct CasRegister {
    /// What each key was last seen to hold: the likeliest `from` of a compare-and-set. The shared keys first.
    seen: Vec<Value>,
    keys: KeyChoice,
    written: u64,
    /// The key about which a thread was left in doubt.
    doubted: BTreeMap<u64, usize>,
}

impl CasRegister {
    pub(crate) fn new(nodes: u32, keys: u32) -> Self {
        let keys = KeyChoice::new(nodes, keys);
        let seen = vec![Value::Null; keys.len()];
        Self { seen, keys, written: 0, doubted: BTreeMap::new() }
    }

    /// The key of a thread's next call, and what is done to it.
    fn draw(&mut self, thread: u64, random: &mut Pcg32) -> (usize, Function) {
        if let Some(key) = self.doubted.remove(&thread) {
            return (key, Function::Write);
        }
        let (key, changes) = self.keys.draw(thread, random);
        let f = match random.random_range(0..4) {
            0 | 1 => Function::Read,
            2 => Function::Write,
            _ => Function::Cas,
        };
        (key, if changes { f } else { Function::Read })
    }

    fn fresh(&mut self) -> u64 {
        self.written += 1;
        self.written
    }
}

impl Generator for CasRegister {
    fn next(&mut self, thread: u64, random: &mut Pcg32) -> Call {
        let (key, f) = self.draw(thread, random);
        let value = if f == Function::Cas {
            json!([self.seen[key], self.fresh()])
        } else if f == Function::Write && !random.random_ratio(1, DELETES) {
            self.fresh().into()
        } else {
            Value::Null
        };
        Call { f, key: key.to_string(), value }
    }

    fn learn(&mut self, thread: u64, call: &Call, answer: &Answer) {
        if self.keys.has_own()
            && let (Outcome::Info, Ok(key)) = (answer.outcome, call.key.parse())
        {
            self.doubted.insert(thread, key);
        }
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
    use crate::generator::tests::around_a_doubt;
    use rand::SeedableRng;
    use std::collections::BTreeSet;

    #[test]
    fn no_value_is_ever_written_twice_and_cas_expects_what_was_seen() {
        let mut generator = CasRegister::new(1, 3);
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

    #[test]
    fn nodes_contend_on_the_shared_keys_and_each_has_one_that_the_others_only_read() {
        let mut generator = CasRegister::new(3, 2);
        let mut random = Pcg32::seed_from_u64(1);
        let (mut changed, mut read) = (BTreeSet::new(), BTreeSet::new());
        for number in 0..3000 {
            let call = generator.next(number % 6, &mut random);
            let by_key = if call.f == Function::Read { &mut read } else { &mut changed };
            by_key.insert((call.key, number % 3));
        }
        let of = |keys: &[&str], nodes: &[u64]| -> BTreeSet<(String, u64)> {
            let pairs = keys.iter().flat_map(|key| nodes.iter().map(|&node| ((*key).into(), node)));
            pairs.collect()
        };
        let own = [("2", 0), ("3", 1), ("4", 2)].map(|(key, node)| (String::from(key), node));
        assert_eq!(changed, &of(&["0", "1"], &[0, 1, 2]) | &BTreeSet::from(own));
        assert_eq!(read, of(&["0", "1", "2", "3", "4"], &[0, 1, 2]));
    }

    #[test]
    fn a_thread_in_doubt_writes_the_same_key_again() {
        let [doubted, again] = around_a_doubt(CasRegister::new(3, 50));
        assert_eq!((again.f, &again.key), (Function::Write, &doubted.key));
    }
}
