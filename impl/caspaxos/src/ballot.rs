//! Ballots: who may write next.

use core::fmt;

/// The highest counter, proposer id, version, epoch and promise floor: 2^53 - 1, because Lua's and JavaScript's
/// numbers hold all integers up to there exactly.
pub const HIGHEST_NUMBER: u64 = (1 << 53) - 1;

/// Names one life of one proposer. Never shared by two live proposers, nor used again by a
/// restarted one. From 1 to [`HIGHEST_NUMBER`] - 1: the ends stand in ballots of no proposer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposerId(pub u64);

/// A ballot: totally ordered, the counter first, then the proposer. Counters go to [`HIGHEST_NUMBER`].
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

    /// The ballot of numbers from outside; `None` when one is above [`HIGHEST_NUMBER`].
    #[must_use]
    pub const fn checked(counter: u64, proposer: u64) -> Option<Self> {
        if counter > HIGHEST_NUMBER || proposer > HIGHEST_NUMBER {
            return None;
        }
        Some(Self { counter, proposer: ProposerId(proposer) })
    }

    /// The highest ballot that a promise floor stands for: an acceptor with this floor has promised it for
    /// every register that it does not hold. [`Self::ZERO`] for floor 0, which promises nothing.
    #[must_use]
    pub const fn at_floor(promise_floor: u64) -> Self {
        if promise_floor == 0 {
            return Self::ZERO;
        }
        Self { counter: promise_floor, proposer: ProposerId(HIGHEST_NUMBER) }
    }
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.counter, self.proposer.0)
    }
}
