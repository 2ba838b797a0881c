//! What the loops do: which call, on which key.

use crate::Options;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

/// The loops or arrivals of one case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) loops: usize,
    pub(crate) keys: usize,
    pub(crate) proposers: usize,
    /// Share of calls that read.
    pub(crate) read_share: f64,
    /// Share of the other calls that delete.
    pub(crate) delete_share: f64,
    /// Arrivals a second; none for loops that wait for their own calls.
    pub(crate) rate: Option<f64>,
}

/// How many loops and keys there are where the options name no number.
const DEFAULT_COUNT: usize = 64;

impl Workload {
    /// Loops that only change, over one proposer.
    pub(crate) fn changes(name: &str, loops: usize, keys: usize) -> Self {
        Self {
            name: name.to_owned(),
            loops,
            keys,
            proposers: 1,
            read_share: 0.0,
            delete_share: 0.0,
            rate: None,
        }
    }

    /// The one workload that the options describe.
    pub(crate) fn of(options: &Options) -> Self {
        let loops = options.loops.unwrap_or(DEFAULT_COUNT);
        let keys = options.keys.unwrap_or(DEFAULT_COUNT);
        let name = match options.rate {
            Some(rate) => format!("open {rate}/s on {keys}"),
            None => format!("loops {loops}/{keys}"),
        };
        Self {
            proposers: options.proposers.unwrap_or(1),
            read_share: options.read_share.unwrap_or_default(),
            rate: options.rate,
            ..Self::changes(&name, loops, keys)
        }
    }

    /// The calls of one loop, without end. The same `round` makes the same calls again.
    pub(crate) fn calls(&self, index: usize, round: u64) -> Calls<'_> {
        let random = Pcg32::new(round, index as u64);
        Calls { workload: self, key: index % self.keys, random }
    }

    /// Arrivals come one by one, each on a random key.
    pub(crate) fn arrivals(&self, round: u64) -> Arrivals<'_> {
        Arrivals { workload: self, random: Pcg32::seed_from_u64(round) }
    }

    fn draw(&self, random: &mut Pcg32, own_key: usize) -> Call {
        if random.random_bool(self.read_share) {
            Call { kind: Kind::Read, key: random.random_range(0..self.keys) }
        } else if random.random_bool(self.delete_share) {
            Call { kind: Kind::Delete, key: own_key }
        } else {
            Call { kind: Kind::Change, key: own_key }
        }
    }
}

/// One call on the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    /// The number of the key.
    pub(crate) key: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Change,
    Read,
    Delete,
}

/// The calls of one loop. It walks over its own keys and reads any key, so that reads meet
/// writers, and writers meet each other only where there are fewer keys than loops.
pub(crate) struct Calls<'a> {
    workload: &'a Workload,
    key: usize,
    random: Pcg32,
}

impl Calls<'_> {
    pub(crate) fn next_call(&mut self) -> Call {
        let call = self.workload.draw(&mut self.random, self.key);
        self.key = (self.key + self.workload.loops) % self.workload.keys;
        call
    }
}

/// Calls on random keys.
pub(crate) struct Arrivals<'a> {
    workload: &'a Workload,
    random: Pcg32,
}

impl Arrivals<'_> {
    pub(crate) fn next_call(&mut self) -> Call {
        let key = self.random.random_range(0..self.workload.keys);
        self.workload.draw(&mut self.random, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys_of(workload: &Workload, index: usize) -> BTreeSet<usize> {
        let mut calls = workload.calls(index, 0);
        (0..100).map(|_| calls.next_call().key).collect()
    }

    #[test]
    fn with_as_many_keys_as_loops_each_keeps_to_its_own() {
        let workload = Workload::changes("", 4, 4);
        for index in 0..4 {
            assert_eq!(keys_of(&workload, index), BTreeSet::from([index]));
        }
    }

    #[test]
    fn on_more_keys_the_loops_share_them_without_meeting() {
        let workload = Workload::changes("", 2, 6);
        assert_eq!(keys_of(&workload, 0), BTreeSet::from([0, 2, 4]));
        assert_eq!(keys_of(&workload, 1), BTreeSet::from([1, 3, 5]));
    }

    #[test]
    fn on_one_key_all_loops_meet() {
        assert_eq!(keys_of(&Workload::changes("", 64, 1), 63), BTreeSet::from([0]));
    }

    #[test]
    fn shares_are_those_of_the_calls() {
        let workload =
            Workload { read_share: 0.5, delete_share: 0.5, ..Workload::changes("", 1, 8) };
        let mut calls = workload.calls(0, 7);
        let mut counts = [0; 3];
        for _ in 0..4_000 {
            counts[calls.next_call().kind as usize] += 1;
        }
        let [changes, reads, deletes] = counts;
        assert!((1_900..2_100).contains(&reads), "{counts:?}");
        assert!((900..1_100).contains(&changes), "{counts:?}");
        assert!((900..1_100).contains(&deletes), "{counts:?}");
    }
}
