//! Configurations as worlds, documents and traces write them.

use caspaxos::{AcceptorId, Configuration, ConfigurationError, Quorum};
use harness_history::Value;
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

/// A configuration, and how far the change of membership that led to it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) epoch: u64,
    pub(crate) voters: Voters,
    /// The configuration before this one.
    pub(crate) before: Option<Voters>,
    /// Whether the one before can do no harm any more, and its values are committed here.
    pub(crate) settled: bool,
}

impl Votes {
    fn of(quorum: &Quorum) -> Self {
        Self { of: quorum.members.iter().map(|id| id.0).collect(), size: quorum.size }
    }

    fn quorum(&self) -> Quorum {
        Quorum::of(self.size, self.of.iter().copied().map(AcceptorId))
    }
}

impl Voters {
    pub(crate) fn of(configuration: &Configuration) -> Self {
        let (prepare, accept) = (configuration.prepare(), configuration.accept());
        Self { prepare: Votes::of(prepare), accept: Votes::of(accept) }
    }

    /// Everyone who is asked for anything.
    pub(crate) fn members(&self) -> BTreeSet<u32> {
        self.prepare.of.union(&self.accept.of).copied().collect()
    }

    /// Whether the quorums can be had and meet.
    pub(crate) fn check(&self) -> Result<Configuration, ConfigurationError> {
        Configuration::flexible(self.prepare.quorum(), self.accept.quorum())
    }

    /// The configuration in an epoch, checked or not.
    pub(crate) fn configuration(&self, epoch: u64) -> Configuration {
        Configuration::unchecked(self.prepare.quorum(), self.accept.quorum()).in_epoch(epoch)
    }
}

impl Document {
    pub(crate) const fn first(voters: Voters) -> Self {
        Self { epoch: 0, voters, before: None, settled: true }
    }

    pub(crate) fn configuration(&self) -> Configuration {
        self.voters.configuration(self.epoch)
    }

    /// The step to these voters.
    pub(crate) fn followed_by(&self, voters: Voters) -> Self {
        Self { epoch: self.epoch + 1, voters, before: Some(self.voters.clone()), settled: false }
    }

    pub(crate) fn read(value: &Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok()
    }

    pub(crate) fn written(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}
