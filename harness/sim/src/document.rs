//! Configurations as worlds, documents and traces write them.

use caspaxos::{AcceptorId, Configuration, Quorum};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Any `size` of the acceptors with these numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Votes {
    /// The acceptors' numbers.
    pub of: BTreeSet<u32>,
    /// How many of them are a quorum.
    pub size: usize,
}

/// Whose promises and whose votes are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voters {
    /// Who prepares.
    pub prepare: Votes,
    /// Who accepts.
    pub accept: Votes,
}

impl Votes {
    fn quorum(&self) -> Quorum {
        Quorum::of(self.size, self.of.iter().copied().map(AcceptorId))
    }
}

impl Voters {
    /// The configuration in an epoch, checked or not.
    pub(crate) fn configuration(&self, epoch: u64) -> Configuration {
        Configuration::unchecked(self.prepare.quorum(), self.accept.quorum()).in_epoch(epoch)
    }
}

impl From<Votes> for gryadka_cluster::Votes {
    fn from(votes: Votes) -> Self {
        Self { members: votes.of, size: votes.size }
    }
}
