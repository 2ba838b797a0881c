//! When rounds stand alike, so that the model checker can tell whether it has seen one. Their rules are not
//! compared: they are meant to be the same.

use crate::round::{Phase, Round};
use crate::{Ballot, Configuration};
use std::hash::{Hash, Hasher};

/// All that a round's future depends on, but the rules.
fn state<V>(round: &Round<V>) -> (&Configuration, bool, [Ballot; 3], &Phase<V>) {
    let ballots = [round.ballot, round.next, round.seen];
    (&round.configuration, round.repeats, ballots, &round.phase)
}

impl<V: PartialEq> PartialEq for Round<V> {
    fn eq(&self, other: &Self) -> bool {
        state(self) == state(other)
    }
}

impl<V: Eq> Eq for Round<V> {}

impl<V: Hash> Hash for Round<V> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        state(self).hash(hasher);
    }
}
