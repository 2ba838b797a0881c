//! What a proposer remembers between changes: its counter, and the ballots promised ahead.

use crate::machine::{Progress, Requests};
use crate::round::{End, Phase, PreparePhase, Proposal, Round};
use crate::rules::{Faithful, Rules};
use crate::{Ballot, Configuration, Delivery, HIGHEST_NUMBER, ProposerId, Request, VersionedValue};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::hash::{Hash, Hasher};

/// A round that has begun, and what it wants first.
pub(crate) type Begun<V, A> = (Round<V, A>, Progress<V, End<V, A>>);

/// Starts rounds and learns from their ends. One per live proposer.
///
/// Proposers are equal when they stand alike, so that a model checker can tell whether it has seen
/// one. Their rules are not compared: they are meant to be the same.
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
    pub const fn jump_counter(&mut self, by: u64) {
        self.counter = self.counter.saturating_add(by);
    }

    /// Whether it can count no further: no round can be begun.
    #[must_use]
    pub const fn is_used_up(&self) -> bool {
        // A round takes two ballots.
        self.counter > HIGHEST_NUMBER - 2
    }

    /// The rules that it follows.
    #[must_use]
    pub fn rules(&self) -> &dyn Rules {
        &*self.rules
    }

    /// Starts a change of a key. `decide` is asked at once where the key is cached. `None` when the proposer
    /// can count no further.
    pub fn begin<A: Clone>(
        &mut self,
        key: &K,
        decide: impl FnOnce(&dyn Rules, Ballot, VersionedValue<V>) -> Option<Proposal<V, A>>,
    ) -> Option<Begun<V, A>> {
        if self.is_used_up() {
            return None;
        }
        let cached = self.cache.take(key);
        let ballot = cached.as_ref().map_or_else(|| self.count(), |(ballot, _)| *ballot);
        // The ballot promised ahead is used up here, so that no later prepare repeats it.
        let next = self.count();
        let configuration = self.configuration.clone();
        let Some((_, present)) = cached else {
            return Some(self.prepare(configuration, ballot, next));
        };
        let mut round = self.round(configuration, ballot, next, Phase::Over);
        let progress = round.decide(present, true, decide);
        Some((round, progress))
    }

    /// What a read needs of it.
    pub(crate) fn shared(&self) -> (Arc<Configuration>, Arc<dyn Rules>) {
        (self.configuration.clone(), self.rules.clone())
    }

    /// Starts a round that asks afresh, wants the vote of every acceptor, and promises nothing ahead: the
    /// first half of collecting a tombstone. `None` when the proposer can count no further.
    pub(crate) fn begin_with_all<A: Clone>(&mut self, key: &K) -> Option<Begun<V, A>> {
        if self.is_used_up() {
            return None;
        }
        self.cache.take(key);
        let ballot = self.count();
        let mut configuration = self.configuration.clone();
        if self.rules.collects_what_all_hold() {
            configuration = Arc::new(configuration.wanting_all());
        }
        Some(self.prepare(configuration, ballot, ballot))
    }

    fn prepare<A>(
        &self,
        configuration: Arc<Configuration>,
        ballot: Ballot,
        next: Ballot,
    ) -> Begun<V, A> {
        let members = configuration.prepare().members.clone();
        let head = (configuration.epoch(), ballot);
        let requests = Requests::to_all(&members, head, &Request::Prepare { ballot });
        let phase = Phase::Preparing(PreparePhase::new(members));
        (self.round(configuration, ballot, next, phase), Progress::Send(requests))
    }

    fn round<A>(
        &self,
        configuration: Arc<Configuration>,
        ballot: Ballot,
        next: Ballot,
        phase: Phase<V, A>,
    ) -> Round<V, A> {
        let (rules, delivery) = (self.rules.clone(), self.delivery);
        Round { configuration, rules, delivery, ballot, next, seen: Ballot::ZERO, phase }
    }

    /// Learns from the end of a round: counts past the ballots it met, and remembers the key if,
    /// and only if, its change committed.
    pub fn finish<A>(&mut self, key: K, end: &End<V, A>) {
        self.counter = self.counter.max(end.seen.counter);
        // What was promised under an earlier configuration was promised by its quorums.
        if let Some((ballot, value)) = &end.cached
            && end.epoch == self.configuration.epoch()
        {
            self.counter = self.counter.max(ballot.counter);
            self.cache.put(key, *ballot, value.clone());
        }
    }

    fn count(&mut self) -> Ballot {
        self.counter += 1;
        Ballot { counter: self.counter, proposer: self.id }
    }
}

impl<K, V> Proposer<K, V> {
    /// All that its future depends on, but the rules.
    fn state(&self) -> (ProposerId, u64, &Configuration, Delivery, &Cache<K, V>) {
        (self.id, self.counter, &self.configuration, self.delivery, &self.cache)
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

impl<K: Ord, V> Cache<K, V> {
    /// What it holds, oldest first. The numbers themselves do not matter, only their order does.
    fn in_order_of_use(&self) -> impl Iterator<Item = (&K, Ballot, &VersionedValue<V>)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AcceptorId, Outcome, Reason};
    use std::hash::DefaultHasher;
    use std::string::String;

    /// A proposer whose changes of these keys ended, one after another.
    fn after(keys: &[char]) -> Proposer<char, ()> {
        let configuration = Configuration::majority([AcceptorId(0)]).unwrap();
        let mut proposer = Proposer::new(ProposerId(1), configuration, 2);
        let nothing = VersionedValue::nothing_since(Ballot::ZERO);
        let (outcome, cached) =
            (Outcome::<()>::NotApplied(Reason::Conflict), (Ballot::ZERO, nothing));
        let end = End { outcome, epoch: 0, seen: Ballot::ZERO, cached: Some(cached) };
        keys.iter().for_each(|&key| proposer.finish(key, &end));
        proposer
    }

    fn hash(proposer: &Proposer<char, ()>) -> u64 {
        let mut hasher = DefaultHasher::new();
        proposer.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn proposers_are_equal_when_they_would_forget_the_same_key_next() {
        let (straight, detour) = (after(&['x', 'y']), after(&['y', 'x', 'y']));
        assert_eq!(straight, detour);
        assert_eq!(hash(&straight), hash(&detour));
        assert_ne!(straight, after(&['y', 'x']));
    }

    #[test]
    fn a_memory_of_so_many_bytes_forgets_the_oldest_and_what_is_larger_than_all_of_it() {
        let configuration = Configuration::majority([AcceptorId(0)]).unwrap();
        let mut cache = Proposer::<_, usize>::new(ProposerId(1), configuration, 4)
            .with_cache_budget(10, |_, held| 1 + held.value.unwrap_or_default())
            .cache;
        let held = |cache: &Cache<char, usize>| {
            (cache.in_order_of_use().map(|(key, _, _)| *key).collect::<String>(), cache.weight)
        };
        let put = |cache: &mut Cache<char, usize>, key, value| {
            let nothing = VersionedValue::nothing_since(Ballot::ZERO);
            cache.put(key, Ballot::ZERO, VersionedValue { value, ..nothing });
        };
        for (key, value) in [('a', Some(3)), ('b', None), ('c', Some(4))] {
            put(&mut cache, key, value);
        }
        assert_eq!(held(&cache), ("abc".into(), 10));
        put(&mut cache, 'd', Some(1));
        assert_eq!(held(&cache), ("bcd".into(), 8), "the oldest made way");
        put(&mut cache, 'b', Some(2));
        assert_eq!(held(&cache), ("cdb".into(), 10), "a key is counted once");
        put(&mut cache, 'd', Some(10));
        assert_eq!(held(&cache), ("cb".into(), 8), "it weighs 11");
        put(&mut cache, 'e', Some(9));
        assert_eq!(held(&cache), ("e".into(), 10));
        cache.clear();
        assert_eq!(held(&cache), (String::new(), 0));
    }

    #[test]
    fn a_counter_at_its_end_begins_no_round_and_never_starts_anew() {
        let mut proposer = after(&[]);
        for counter in [HIGHEST_NUMBER - 1, HIGHEST_NUMBER, 1 << 60, u64::MAX] {
            let outcome = Outcome::<()>::NotApplied(Reason::Conflict);
            let seen = Ballot { counter, proposer: ProposerId(9) };
            proposer.finish('x', &End { outcome, epoch: 0, seen, cached: None });
            proposer.jump_counter(64);
            assert!(proposer.begin::<()>(&'x', |_, _, _| None).is_none(), "past {counter}");
            assert!(proposer.begin_with_all::<()>(&'x').is_none(), "past {counter}");
        }
    }

    #[test]
    fn proposers_that_counted_differently_are_not_equal() {
        let mut ahead = after(&['x']);
        ahead.count();
        assert_ne!(ahead, after(&['x']));
    }
}
