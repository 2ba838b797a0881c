//! When proposers stand alike, so that a model checker can tell whether it has seen one. Their rules are not
//! compared: they are meant to be the same.

use super::{Cache, Proposer};
use crate::{Ballot, Configuration, ProposerId, VersionedValue};
use core::hash::{Hash, Hasher};

impl<K, V> Proposer<K, V> {
    /// All that its future depends on, but the rules.
    fn state(&self) -> (ProposerId, u64, &Configuration, bool, &Cache<K, V>) {
        (self.id, self.counter, &self.configuration, self.repeats, &self.cache)
    }
}

impl<K: Ord, V: PartialEq> PartialEq for Proposer<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.state() == other.state()
    }
}

impl<K: Ord, V: Eq> Eq for Proposer<K, V> {}

impl<K: Ord + Hash, V: Hash> Hash for Proposer<K, V> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.state().hash(hasher);
    }
}

impl<K: Ord, V> Cache<K, V> {
    /// What it holds, oldest first. The numbers themselves do not matter, only their order does.
    pub(super) fn in_order_of_use(&self) -> impl Iterator<Item = (&K, Ballot, &VersionedValue<V>)> {
        self.by_use.values().filter_map(|key| {
            let (_, ballot, value) = self.entries.get(key)?;
            Some((key, *ballot, value))
        })
    }
}

impl<K: Ord, V: PartialEq> PartialEq for Cache<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.capacity == other.capacity && self.in_order_of_use().eq(other.in_order_of_use())
    }
}

impl<K: Ord, V: Eq> Eq for Cache<K, V> {}

impl<K: Ord + Hash, V: Hash> Hash for Cache<K, V> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.capacity, self.entries.len()).hash(hasher);
        self.in_order_of_use().for_each(|entry| entry.hash(hasher));
    }
}
