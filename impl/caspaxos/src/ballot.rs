//! Ballots: who may write next.

use core::fmt;

/// Names one life of one proposer. Never shared by two live proposers, nor used again by a
/// restarted one. Not 0, which is nobody's; below 2^53, so that every language's numbers hold it
/// exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposerId(pub u64);

/// A ballot: totally ordered, the counter first, then the proposer. Counters stay below 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// How far the proposer had counted.
    pub counter: u64,
    /// Who counted.
    pub proposer: ProposerId,
}

impl Ballot {
    /// Lower than any ballot that a proposer takes: nothing promised, nothing accepted.
    pub const ZERO: Self = Self { counter: 0, proposer: ProposerId(0) };
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.counter, self.proposer.0)
    }
}
