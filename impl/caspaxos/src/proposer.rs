//! What a proposer remembers between changes: its counter, and the ballots promised ahead.

use crate::round::{Canvass, Phase};
use crate::rules::{Faithful, Rules};
use crate::{Ballot, Configuration, Delivery, End, Progress, ProposerId, Request, Round};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

/// Starts rounds and learns from their ends. One per live proposer.
#[derive(Debug, Clone)]
pub struct Proposer<K, V> {
    id: ProposerId,
    counter: u64,
    configuration: Arc<Configuration>,
    rules: Arc<dyn Rules>,
    delivery: Delivery,
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
            delivery: Delivery::AtMostOnce,
            cache: Cache { capacity, next: 0, entries: BTreeMap::new(), ages: BTreeMap::new() },
        }
    }

    /// The same under a transport of another kind.
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The same under other rules: for the gallery of mutants.
    #[cfg(any(test, feature = "mutants"))]
    #[must_use]
    pub fn with_rules(mut self, rules: Arc<dyn Rules>) -> Self {
        self.rules = rules;
        self
    }

    /// Forgets how far it has counted: for the gallery of mutants.
    #[cfg(feature = "mutants")]
    pub const fn set_counter(&mut self, counter: u64) {
        self.counter = counter;
    }

    /// Who it is.
    #[must_use]
    pub const fn id(&self) -> ProposerId {
        self.id
    }

    /// Whose votes it asks for.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Starts a change of a key. The key's earlier round must have been finished.
    pub fn begin<A: Clone>(&mut self, key: &K) -> (Round<V, A>, Progress<V, A>) {
        let cached = self.cache.take(key);
        let ballot = cached.as_ref().map_or_else(|| self.count(), |(ballot, _)| *ballot);
        // The ballot promised ahead is used up here, so that no later prepare repeats it.
        let next = self.count();
        let (phase, progress) = match cached {
            Some((_, value)) => {
                let present = value.clone();
                (Phase::Deciding { present, cached: true }, Progress::Decide(value))
            }
            None => {
                let members = self.configuration.prepare().members.clone();
                let requests = members.iter().map(|&a| (a, Request::Prepare { ballot })).collect();
                (Phase::Preparing(Canvass::new(members)), Progress::Send(requests))
            }
        };
        let round = Round {
            configuration: self.configuration.clone(),
            rules: self.rules.clone(),
            delivery: self.delivery,
            ballot,
            next,
            seen: Ballot::ZERO,
            phase,
        };
        (round, progress)
    }

    /// Learns from the end of a round: counts past the ballots it met, and remembers the key if,
    /// and only if, its change committed.
    pub fn finish<A>(&mut self, key: K, end: &End<V, A>) {
        self.counter = self.counter.max(end.seen.counter);
        if let Some((ballot, value)) = &end.cached {
            self.counter = self.counter.max(ballot.counter);
            self.cache.put(key, *ballot, value.clone());
        }
    }

    fn count(&mut self) -> Ballot {
        self.counter += 1;
        Ballot { counter: self.counter, proposer: self.id }
    }
}

#[cfg(test)]
impl<K: Ord + core::hash::Hash, V: core::hash::Hash> Proposer<K, V> {
    /// What its future depends on. The cache's ages do not matter before it is full.
    pub(crate) fn fingerprint(&self, hasher: &mut impl core::hash::Hasher) {
        use core::hash::Hash;
        self.counter.hash(hasher);
        for (key, (_, ballot, value)) in &self.cache.entries {
            (key, ballot, value).hash(hasher);
        }
    }
}

/// The keys changed last, oldest out first. A key is taken out while its round runs, so what is
/// not put back is forgotten.
#[derive(Debug, Clone)]
struct Cache<K, V> {
    capacity: usize,
    next: u64,
    entries: BTreeMap<K, (u64, Ballot, Option<V>)>,
    ages: BTreeMap<u64, K>,
}

impl<K: Ord + Clone, V> Cache<K, V> {
    fn take(&mut self, key: &K) -> Option<(Ballot, Option<V>)> {
        let (age, ballot, value) = self.entries.remove(key)?;
        self.ages.remove(&age);
        Some((ballot, value))
    }

    fn put(&mut self, key: K, ballot: Ballot, value: Option<V>) {
        if self.capacity == 0 {
            return;
        }
        self.take(&key);
        if self.entries.len() >= self.capacity
            && let Some((_, oldest)) = self.ages.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.ages.insert(self.next, key.clone());
        self.entries.insert(key, (self.next, ballot, value));
        self.next += 1;
    }
}
