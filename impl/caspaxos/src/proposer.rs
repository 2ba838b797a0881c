//! What a proposer remembers between changes: its counter, and the ballots promised ahead.

#[cfg(test)]
mod equality;
#[cfg(any(test, feature = "mutants"))]
mod mutants;
#[cfg(test)]
mod tests;

use crate::round::{Phase, Round, RoundResult};
use crate::rules::{Faithful, Rules};
use crate::{Ballot, Configuration, HIGHEST_NUMBER, ProposerId, VersionedValue};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

/// A round that has begun, and the present content where it is cached.
pub(crate) type Begun<V> = (Round<V>, Option<VersionedValue<V>>);

/// Starts rounds and learns from their ends. One per live proposer.
#[derive(Debug, Clone)]
pub struct Proposer<K, V> {
    id: ProposerId,
    counter: u64,
    configuration: Arc<Configuration>,
    rules: Arc<dyn Rules>,
    /// Whether the transport may repeat requests.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) repeats: bool,
    cache: Cache<K, V>,
}

impl<K: Ord + Clone, V: Clone> Proposer<K, V> {
    /// A proposer that has counted nothing yet. `id` must never have been used before; `capacity`
    /// is how many keys it remembers to save them a round trip, 0 for none.
    #[must_use]
    pub fn new(id: ProposerId, configuration: Configuration, capacity: usize) -> Self {
        Self {
            id,
            counter: 0,
            configuration: Arc::new(configuration),
            rules: Arc::new(Faithful),
            #[cfg(any(test, feature = "testing"))]
            repeats: false,
            cache: Cache {
                capacity,
                budget: usize::MAX,
                weigh: |_, _| 0,
                weight: 0,
                next: 0,
                entries: BTreeMap::new(),
                by_use: BTreeMap::new(),
            },
        }
    }

    /// The same with a memory of so many bytes at most, whatever the number of keys. `weigh` says how
    /// many a key and its value take there. A key that takes more than `bytes` is not remembered.
    #[must_use]
    pub const fn with_cache_budget(mut self, bytes: usize, weigh: Weigh<K, V>) -> Self {
        (self.cache.budget, self.cache.weigh) = (bytes, weigh);
        self
    }

    /// Whose votes it asks for.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Works under a later configuration from now on, and forgets the promises made under the one
    /// before: they were given by its quorums. Says whether it is later indeed; rounds under way go
    /// on under theirs.
    pub fn reconfigure(&mut self, configuration: Configuration) -> bool {
        let later = configuration.epoch() > self.configuration.epoch();
        if later {
            self.configuration = Arc::new(configuration);
            self.cache.clear();
        }
        later
    }

    /// Counts ahead: ballots need not be dense, only rising.
    pub(crate) const fn jump_counter(&mut self, by: u64) {
        self.counter = self.counter.saturating_add(by);
    }

    /// The rules that it follows.
    pub(crate) fn rules(&self) -> &dyn Rules {
        &*self.rules
    }

    /// The configuration, for a machine that goes on under it whatever the proposer learns meanwhile.
    pub(crate) fn shared_configuration(&self) -> Arc<Configuration> {
        self.configuration.clone()
    }

    /// Starts a change of a key. `None` when the proposer can count no further.
    pub(crate) fn begin(&mut self, key: &K) -> Option<Begun<V>> {
        if self.is_used_up() {
            return None;
        }
        let (ballot, present) = match self.cache.take(key) {
            Some((ballot, present)) => (ballot, Some(present)),
            None => (self.count(), None),
        };
        // The ballot promised ahead is used up here, so that no later prepare repeats it.
        let next = self.count();
        Some((self.round(self.configuration.clone(), ballot, next), present))
    }

    /// Starts a round that is to ask afresh, wants the vote of every acceptor, and promises nothing ahead: the
    /// first half of collecting a tombstone. `None` when the proposer can count no further.
    pub(crate) fn begin_with_all(&mut self, key: &K) -> Option<Round<V>> {
        if self.is_used_up() {
            return None;
        }
        self.cache.take(key);
        let ballot = self.count();
        let configuration = Arc::new(self.configuration.wanting_all());
        #[cfg(any(test, feature = "mutants"))]
        let configuration = self.asked_to_confirm(configuration);
        Some(self.round(configuration, ballot, ballot))
    }

    fn round(&self, configuration: Arc<Configuration>, ballot: Ballot, next: Ballot) -> Round<V> {
        Round {
            configuration,
            #[cfg(any(test, feature = "mutants"))]
            rules: self.shared_rules(),
            #[cfg(any(test, feature = "testing"))]
            repeats: self.repeats,
            ballot,
            next,
            seen: Ballot::ZERO,
            phase: Phase::Idle,
        }
    }

    /// Whether it can count no further.
    const fn is_used_up(&self) -> bool {
        // A round takes two ballots.
        self.counter > HIGHEST_NUMBER - 2
    }

    /// Learns from the end of a round: counts past the ballots it met, and remembers the key if,
    /// and only if, its change committed.
    pub(crate) fn finish(&mut self, key: K, result: RoundResult<V>) {
        self.counter = self.counter.max(result.seen.counter);
        // What was promised under an earlier configuration was promised by its quorums.
        if let Some((ballot, value)) = result.cached
            && result.epoch == self.configuration.epoch()
        {
            self.counter = self.counter.max(ballot.counter);
            self.cache.put(key, ballot, value);
        }
    }

    fn count(&mut self) -> Ballot {
        self.counter += 1;
        Ballot { counter: self.counter, proposer: self.id }
    }
}

/// How many bytes of memory a key and its value take; the value is absent where there never was one.
pub type Weigh<K, V> = fn(&K, &VersionedValue<V>) -> usize;

/// The keys changed last, oldest out first. A key is taken out while its round runs, so what is
/// not put back is forgotten.
#[derive(Debug, Clone)]
struct Cache<K, V> {
    /// How many keys, and how many bytes, it holds at most.
    capacity: usize,
    budget: usize,
    weigh: Weigh<K, V>,
    /// What all entries weigh.
    weight: usize,
    next: u64,
    entries: BTreeMap<K, (u64, Ballot, VersionedValue<V>)>,
    by_use: BTreeMap<u64, K>,
}

impl<K: Ord + Clone, V> Cache<K, V> {
    fn take(&mut self, key: &K) -> Option<(Ballot, VersionedValue<V>)> {
        let (used, ballot, value) = self.entries.remove(key)?;
        self.by_use.remove(&used);
        self.weight -= (self.weigh)(key, &value);
        Some((ballot, value))
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.by_use.clear();
        self.weight = 0;
    }

    fn put(&mut self, key: K, ballot: Ballot, value: VersionedValue<V>) {
        self.take(&key);
        let weight = (self.weigh)(&key, &value);
        if self.capacity == 0 || weight > self.budget {
            return;
        }
        while self.entries.len() >= self.capacity || weight > self.budget - self.weight {
            let Some(oldest) = self.by_use.first_key_value().map(|(_, key)| key.clone()) else {
                break;
            };
            self.take(&oldest);
        }
        self.weight += weight;
        self.by_use.insert(self.next, key.clone());
        self.entries.insert(key, (self.next, ballot, value));
        self.next += 1;
    }
}
