use super::*;
use crate::{AcceptorId, Outcome, Reason};
use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;
use std::string::String;

/// A proposer whose changes of these keys ended, one after another.
fn after(keys: &[char]) -> Proposer<char, ()> {
    let configuration = Configuration::majority([AcceptorId(0)]).unwrap();
    let mut proposer = Proposer::new(ProposerId(1), configuration, 2);
    let nothing = VersionedValue::nothing_since(Ballot::ZERO);
    let (outcome, cached) = (Outcome::NotApplied(Reason::Conflict), Some((Ballot::ZERO, nothing)));
    let result = RoundResult { outcome, epoch: 0, seen: Ballot::ZERO, cached };
    keys.iter().for_each(|&key| proposer.finish(key, result.clone()));
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
        let outcome = Outcome::NotApplied(Reason::Conflict);
        let seen = Ballot { counter, proposer: ProposerId(9) };
        proposer.finish('x', RoundResult { outcome, epoch: 0, seen, cached: None });
        proposer.jump_counter(64);
        assert!(proposer.begin(&'x').is_none(), "past {counter}");
        assert!(proposer.begin_with_all(&'x').is_none(), "past {counter}");
    }
}

#[test]
fn proposers_that_counted_differently_are_not_equal() {
    let mut ahead = after(&['x']);
    ahead.count();
    assert_ne!(ahead, after(&['x']));
}
