//! Ballots: who may write next.

use core::fmt;

/// The highest number that fits a ballot: 2^53 - 1.
const HIGHEST: u64 = (1 << 53) - 1;

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

    /// The highest ballot that a promise floor stands for: an acceptor with this floor has promised it for
    /// every register that it does not hold. [`Self::ZERO`] for floor 0, which promises nothing.
    #[must_use]
    pub const fn at_floor(promise_floor: u64) -> Self {
        if promise_floor == 0 {
            return Self::ZERO;
        }
        Self { counter: promise_floor, proposer: ProposerId(HIGHEST) }
    }
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.counter, self.proposer.0)
    }
}
