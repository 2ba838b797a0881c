//! What tests and simulations see of machines, and no user of the store needs.

use crate::{Ballot, KeyProposer, Proposer};

impl<K, V> Proposer<K, V> {
    /// The same over a transport that may repeat requests. A refusal may then answer the second copy of a
    /// request whose first copy was accepted.
    #[must_use]
    pub const fn with_repeats(mut self, repeats: bool) -> Self {
        self.repeats = repeats;
        self
    }
}

impl<C, V> KeyProposer<C, V> {
    /// The ballot of the round under way, and whether its accepts are out.
    #[must_use]
    pub fn round(&self) -> Option<(Ballot, bool)> {
        self.open.as_ref().map(|open| (open.round.ballot(), open.round.is_accepting()))
    }

    /// The changes that the round under way proposes, in order; none before it has decided.
    pub fn proposed(&self) -> impl Iterator<Item = &C> {
        self.open.iter().flat_map(|open| open.jobs.iter().map(|job| &job.change))
    }

    /// The changes that wait for a round, in order.
    pub fn queued(&self) -> impl Iterator<Item = &C> {
        self.waiting.iter().map(|job| &job.change)
    }
}
