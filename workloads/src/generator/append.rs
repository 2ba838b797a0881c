//! Blind appends of unique elements, and reads of whole lists.

use super::{Generator, KeyChoice};
use crate::{Answer, Call};
use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use std::collections::BTreeMap;

/// How many appends a list takes before a fresh one is begun in its place: reads carry the whole
/// list, so a list must stay short.
const LENGTH: u32 = 100;

/// An append asks nothing about the present list, so a lost one cannot excuse itself by a
/// mismatch: of all workloads this sees lost writes soonest. Beside the lists that all nodes append to
/// each node has one of its own, which the others only read, as [`super::CasRegister`] has keys. A client
/// that was left in doubt comes back to the same list, as real clients do, and as those bugs need that
/// confuse an append with the one before it.
pub(crate) struct Append {
    /// The lists in use, each with the number of appends sent to it. The shared ones first.
    lists: Vec<(u64, u32)>,
    keys: KeyChoice,
    begun: u64,
    appended: u64,
    /// The list about which a thread was left in doubt.
    doubted: BTreeMap<u64, String>,
}

impl Append {
    pub(crate) fn new(nodes: u32, keys: u32) -> Self {
        let keys = KeyChoice::new(nodes, keys);
        let lists: Vec<_> = (0..).map(|list| (list, 0)).take(keys.len()).collect();
        let begun = lists.len() as u64;
        Self { lists, keys, begun, appended: 0, doubted: BTreeMap::new() }
    }

    fn append_to(&mut self, key: String) -> Call {
        self.appended += 1;
        Call { f: Function::Append, key, value: self.appended.into() }
    }
}

impl Generator for Append {
    fn next(&mut self, thread: u64, random: &mut Pcg32) -> Call {
        if let Some(key) = self.doubted.remove(&thread) {
            return self.append_to(key);
        }
        let (at, changes) = self.keys.draw(thread, random);
        let key = self.lists[at].0.to_string();
        if !changes || random.random_bool(0.5) {
            return Call { f: Function::Read, key, value: Value::Null };
        }
        self.lists[at].1 += 1;
        if self.lists[at].1 >= LENGTH {
            self.lists[at] = (self.begun, 0);
            self.begun += 1;
        }
        self.append_to(key)
    }

    fn learn(&mut self, thread: u64, call: &Call, answer: &Answer) {
        if answer.outcome == Outcome::Info {
            self.doubted.insert(thread, call.key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::tests::around_a_doubt;
    use rand::SeedableRng;

    #[test]
    fn elements_are_unique_and_lists_stay_short() {
        let mut generator = Append::new(1, 2);
        let mut random = Pcg32::seed_from_u64(3);
        let mut lists: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for _ in 0..2000 {
            let call = generator.next(0, &mut random);
            if call.f == Function::Append {
                lists.entry(call.key).or_default().push(call.value.as_u64().unwrap());
            }
        }
        let mut elements: Vec<_> = lists.values().flatten().collect();
        let total = elements.len();
        elements.sort_unstable();
        elements.dedup();
        assert_eq!(elements.len(), total);
        assert!(lists.len() > 5 && lists.values().all(|list| list.len() <= LENGTH as usize));
    }

    #[test]
    fn a_thread_in_doubt_comes_back_to_the_same_list() {
        let [doubted, again] = around_a_doubt(Append::new(3, 50));
        assert_eq!((again.f, &again.key), (Function::Append, &doubted.key));
        assert_ne!(again.value, doubted.value);
    }
}
