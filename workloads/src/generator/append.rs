//! Blind appends of unique elements, and reads of whole lists.

use super::Generator;
use crate::{Answer, Call};
use harness_history::{Function, Value};
use rand::RngExt;
use rand_pcg::Pcg32;

/// How many appends a list takes before a fresh one is begun in its place: reads carry the whole
/// list, so a list must stay short.
const LENGTH: u32 = 100;

/// An append asks nothing about the present list, so a lost one cannot excuse itself by a
/// mismatch: of all workloads this sees lost writes soonest.
pub(crate) struct Append {
    /// The lists in use, each with the number of appends sent to it.
    lists: Vec<(u64, u32)>,
    begun: u64,
    appended: u64,
}

impl Append {
    pub(crate) fn new(keys: u32) -> Self {
        let keys = u64::from(keys.max(1));
        Self { lists: (0..keys).map(|list| (list, 0)).collect(), begun: keys, appended: 0 }
    }
}

impl Generator for Append {
    fn next(&mut self, _thread: u64, random: &mut Pcg32) -> Call {
        let at = random.random_range(0..self.lists.len());
        let key = self.lists[at].0.to_string();
        if random.random_bool(0.5) {
            return Call { f: Function::Read, key, value: Value::Null };
        }
        self.appended += 1;
        self.lists[at].1 += 1;
        if self.lists[at].1 >= LENGTH {
            self.lists[at] = (self.begun, 0);
            self.begun += 1;
        }
        Call { f: Function::Append, key, value: self.appended.into() }
    }

    fn learn(&mut self, _thread: u64, _call: &Call, _answer: &Answer) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::BTreeMap;

    #[test]
    fn elements_are_unique_and_lists_stay_short() {
        let mut generator = Append::new(2);
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
}
