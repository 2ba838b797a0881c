//! Where a search may stand: the state, and which open calls have been linearized.
//!
//! A configuration has two masks over the open calls that will return. `owed`: it must still be
//! linearized before it returns. `usable`: it may still be linearized. Both: it has not been
//! linearized. Neither: it has been. Usable but not owed: both are possible, since it can have
//! hidden where nobody saw it; such a configuration stands for two. A read leaves no mark on
//! the state, so it is only ever owed or not.

use crate::action::{Action, State};
use crate::plan::{Plan, Returning};
use rustc_hash::FxHashMap;

/// How exactly uses of crashed calls are counted. Which of many crashed calls were used makes most
/// of the differences between configurations, and hardly ever matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// By class, which decides every history.
    Exact,
    /// By class, but of two configurations that differ only in that, the one with the smaller sum
    /// is kept. Every way found is a way; but not every way is found.
    Frugal,
    /// Not at all: a crashed call can be used any number of times. If even so there is no way,
    /// there is none.
    Lavish,
}

/// How many crashed calls of a class have been linearized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) class: u32,
    pub(crate) times: u32,
}

/// One way in which the calls so far can have been linearized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub(crate) state: State,
    pub(crate) owed: u128,
    pub(crate) usable: u128,
    /// Sorted by class; classes without a use are left out.
    pub(crate) used: Vec<Used>,
}

impl Configuration {
    /// Whether everything that `other` can still do, this can do too.
    ///
    /// From the same state it can follow any continuation of `other`: each call in it is usable
    /// here, there are as many crashed calls to spare, and whatever is owed here is owed there, so
    /// the continuation pays for it. This holds for every model. (Frugal counting compares sums.)
    fn dominates(&self, other: &Self, counting: Counting) -> bool {
        self.state == other.state
            && self.owed & !other.owed == 0
            && other.usable & !self.usable == 0
            && match counting {
                Counting::Exact => uses_no_more(&self.used, &other.used),
                Counting::Frugal => self.spent() <= other.spent(),
                Counting::Lavish => true,
            }
    }

    /// How many crashed calls have been linearized.
    pub(crate) fn spent(&self) -> u32 {
        self.used.iter().map(|used| used.times).sum()
    }

    /// A call must still be linearized.
    pub(crate) fn owes(&self, bit: u128) -> bool {
        self.owed & bit != 0
    }

    /// A call may not have been linearized yet.
    pub(crate) fn lacks(&self, bit: u128) -> bool {
        (self.owed | self.usable) & bit != 0
    }

    pub(crate) fn times_used(&self, class: u32) -> u32 {
        let found = self.used.binary_search_by_key(&class, |used| used.class);
        found.map_or(0, |index| self.used[index].times)
    }

    pub(crate) fn use_crashed(&mut self, class: u32) {
        match self.used.binary_search_by_key(&class, |used| used.class) {
            Ok(index) => self.used[index].times += 1,
            Err(index) => self.used.insert(index, Used { class, times: 1 }),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.used.capacity() * size_of::<Used>()
    }
}

fn uses_no_more(left: &[Used], right: &[Used]) -> bool {
    let mut right = right.iter();
    left.len() <= right.len()
        && left.iter().all(|l| {
            right
                .by_ref()
                .find(|r| r.class >= l.class)
                .is_some_and(|r| r.class == l.class && l.times <= r.times)
        })
}

/// Which calls are open that will return, by slot.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    calls: Vec<u32>,
    pub(crate) all: u128,
    /// Those that read.
    pub(crate) readers: u128,
    /// Those that set the state whatever it was, and so can hide behind each other.
    pub(crate) blind: u128,
}

impl Open {
    pub(crate) fn new() -> Self {
        Self { calls: Vec::new(), all: 0, readers: 0, blind: 0 }
    }

    pub(crate) fn enter(&mut self, number: u32, call: &Returning) {
        let slot = usize::from(call.slot);
        if self.calls.len() <= slot {
            self.calls.resize(slot + 1, 0);
        }
        self.calls[slot] = number;
        let bit = 1 << slot;
        self.all |= bit;
        if call.action.is_read() {
            self.readers |= bit;
        } else if matches!(call.action, Action::Write(_)) {
            self.blind |= bit;
        }
    }

    pub(crate) fn leave(&mut self, slot: u8) {
        let rest = !(1_u128 << slot);
        self.all &= rest;
        self.readers &= rest;
        self.blind &= rest;
    }

    /// The calls whose bits are set.
    pub(crate) fn calls<'a>(
        &'a self,
        plan: &'a Plan,
        mask: u128,
    ) -> impl Iterator<Item = &'a Returning> {
        bits(mask).map(|slot| &plan.returning[self.calls[slot] as usize])
    }

    /// Bits that can only be both owed and usable, or neither: they have to agree if one
    /// configuration is to dominate another.
    fn firm(&self) -> u128 {
        self.all & !(self.readers | self.blind)
    }
}

/// The positions of the bits that are set.
pub(crate) fn bits(mut mask: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if mask == 0 {
            return None;
        }
        let lowest = mask.trailing_zeros() as usize;
        mask &= mask - 1;
        Some(lowest)
    })
}

/// Configurations of which none dominates another.
#[derive(Debug)]
pub(crate) struct Antichain {
    counting: Counting,
    groups: FxHashMap<(State, u128), Vec<Configuration>>,
    pub(crate) len: usize,
    pub(crate) bytes: usize,
}

impl Antichain {
    pub(crate) fn new(counting: Counting) -> Self {
        Self { counting, groups: FxHashMap::default(), len: 0, bytes: 0 }
    }

    /// Adds a configuration unless one is there that dominates it; removes those that it dominates.
    pub(crate) fn insert(&mut self, open: &Open, new: Configuration) -> bool {
        let counting = self.counting;
        let group = self.groups.entry((new.state, new.usable & open.firm())).or_default();
        if group.iter().any(|old| old.dominates(&new, counting)) {
            return false;
        }
        let before = group.len();
        let mut freed = 0;
        group.retain(|old| {
            let dominated = new.dominates(old, counting);
            freed += if dominated { old.bytes() } else { 0 };
            !dominated
        });
        self.bytes = self.bytes - freed + new.bytes();
        self.len = self.len + 1 - (before - group.len());
        group.push(new);
        true
    }

    pub(crate) fn into_vec(self) -> Vec<Configuration> {
        self.groups.into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(owed: u128, usable: u128, used: &[(u32, u32)]) -> Configuration {
        let used = used.iter().map(|&(class, times)| Used { class, times }).collect();
        Configuration { state: State::value(1), owed, usable, used }
    }

    fn dominates(a: &Configuration, b: &Configuration) -> bool {
        a.dominates(b, Counting::Exact)
    }

    #[test]
    fn what_may_have_hidden_dominates_what_has_not_and_what_has() {
        let (either, open, done) =
            (configuration(0, 1, &[]), configuration(1, 1, &[]), configuration(0, 0, &[]));
        assert!(dominates(&either, &open) && dominates(&either, &done));
        assert!(!dominates(&open, &done) && !dominates(&done, &open) && !dominates(&open, &either));
    }

    #[test]
    fn fewer_crashed_calls_used_dominate_more() {
        let few = configuration(0, 0, &[(3, 1)]);
        assert!(dominates(&few, &configuration(0, 0, &[(1, 1), (3, 2)])));
        assert!(!dominates(&few, &configuration(0, 0, &[(1, 5)])));
        assert!(!dominates(&few, &configuration(0, 0, &[(4, 1)])));
        assert!(!dominates(&configuration(0, 0, &[(1, 1), (3, 2)]), &few));
    }
}
