//! The cluster's configuration record ("config").
//!
//! The truth is the value of a register of the store itself, changed by compare-and-set. Its key is
//! empty, which no caller's key is. Acceptors carry copies, so that a process that knows one of
//! them finds the others.

use bytes::Bytes;
use caspaxos::{
    AcceptorId, AcceptorIdentity, AcceptorState, Configuration, ConfigurationError, Quorum,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The key of the config's register.
pub const KEY: &[u8] = b"";

/// The acceptors of a cluster, the epoch, the quorums, and the change that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// The cluster. Below 2^53.
    pub cluster: u64,
    /// How many changes of membership led here, from 1.
    pub epoch: u64,
    /// The address of every acceptor of this epoch, of the one before, and of the target, by number.
    pub acceptors: BTreeMap<u32, String>,
    /// The prepare quorums.
    pub prepare: Votes,
    /// The accept quorums.
    pub accept: Votes,
    /// The quorums of the epoch before, until every key has been committed again in this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<(Votes, Votes)>,
    /// The members that the cluster is to have, while a change is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<BTreeSet<u32>>,
    /// The number of the next acceptor that joins. None is ever used again.
    pub next: u32,
}

/// Any `size` of the `members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Votes {
    /// The acceptors that are asked.
    pub members: BTreeSet<u32>,
    /// How many must agree.
    pub size: usize,
}

/// What is wrong with a config.
#[derive(Debug, thiserror::Error)]
pub enum ClusterConfigError {
    /// It cannot be parsed.
    #[error("the config of the cluster cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Epochs begin at 1.
    #[error("the config of the cluster has epoch 0; epochs begin at 1")]
    NoEpoch,
    /// Its quorums are not safe.
    #[error("the config of the cluster names impossible quorums: {0}")]
    Quorums(ConfigurationError),
}

impl From<&Quorum> for Votes {
    fn from(quorum: &Quorum) -> Self {
        Self { members: quorum.members.iter().map(|id| id.0).collect(), size: quorum.size }
    }
}

impl Votes {
    fn quorum(&self) -> Quorum {
        Quorum::of(self.size, self.members.iter().copied().map(AcceptorId))
    }
}

impl ClusterConfig {
    /// The first config of a cluster: simple majorities of these addresses.
    pub(crate) fn first(cluster: u64, addresses: &[String]) -> Result<Self, ClusterConfigError> {
        let acceptors: BTreeMap<u32, String> = (1..).zip(addresses.iter().cloned()).collect();
        let members = acceptors.keys().copied().map(AcceptorId);
        let majority = Configuration::majority(members).map_err(ClusterConfigError::Quorums)?;
        Ok(Self {
            cluster,
            epoch: 1,
            next: acceptors.keys().max().map_or(1, |last| last + 1),
            acceptors,
            prepare: majority.prepare().into(),
            accept: majority.accept().into(),
            before: None,
            target: None,
        })
    }

    /// Reads a config.
    ///
    /// # Errors
    /// [`ClusterConfigError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ClusterConfigError> {
        let config: Self = serde_json::from_slice(bytes)?;
        if config.epoch == 0 {
            return Err(ClusterConfigError::NoEpoch);
        }
        config.configuration()?;
        Ok(config)
    }

    /// The bytes that the register and the acceptors store.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        // Maps with numbers for keys, and nothing that could fail, are in it.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// The configuration that it describes.
    ///
    /// # Errors
    /// [`ClusterConfigError::Quorums`].
    pub fn configuration(&self) -> Result<Configuration, ClusterConfigError> {
        Configuration::flexible(self.prepare.quorum(), self.accept.quorum())
            .map(|configuration| configuration.in_epoch(self.epoch))
            .map_err(ClusterConfigError::Quorums)
    }

    /// The configuration of the epoch before, while it may still be in use.
    pub(crate) fn before(&self) -> Result<Option<Configuration>, ClusterConfigError> {
        let Some((prepare, accept)) = &self.before else { return Ok(None) };
        Configuration::flexible(prepare.quorum(), accept.quorum())
            .map(|before| Some(before.in_epoch(self.epoch - 1)))
            .map_err(ClusterConfigError::Quorums)
    }

    /// Whether it is later than another one: of a later epoch, or of the same one with the rescan complete.
    pub(crate) const fn is_later_than(&self, other: &Self) -> bool {
        self.epoch > other.epoch
            || (self.epoch == other.epoch
                && self.is_rescan_complete()
                && !other.is_rescan_complete())
    }

    /// Whether every key has been committed in this epoch.
    #[must_use]
    pub const fn is_rescan_complete(&self) -> bool {
        self.before.is_none()
    }

    /// The acceptors of this epoch.
    #[must_use]
    pub fn members(&self) -> BTreeSet<u32> {
        self.prepare.members.union(&self.accept.members).copied().collect()
    }

    /// The identity of the acceptor with this number.
    #[must_use]
    pub const fn identity(&self, acceptor: u32) -> AcceptorIdentity {
        AcceptorIdentity { cluster: self.cluster, acceptor: AcceptorId(acceptor) }
    }

    /// The number of the acceptor at an address.
    pub(crate) fn number_of(&self, address: &str) -> Option<u32> {
        self.acceptors.iter().find(|(_, own)| *own == address).map(|(id, _)| *id)
    }

    /// Whether this is the state of the acceptor with this number, and it knows of this epoch.
    pub(crate) fn is_of(&self, acceptor: u32, state: AcceptorState) -> bool {
        state.identity == self.identity(acceptor) && state.epoch >= self.epoch
    }

    /// The config of the next epoch, under this configuration.
    pub(crate) fn step(&self, to: &Configuration) -> Self {
        Self {
            epoch: to.epoch(),
            prepare: to.prepare().into(),
            accept: to.accept().into(),
            before: Some((self.prepare.clone(), self.accept.clone())),
            ..self.clone()
        }
    }

    /// The same with every key committed, and without acceptors that are neither members nor in the target.
    pub(crate) fn with_rescan_complete(&self) -> Self {
        let mut complete = Self { before: None, ..self.clone() };
        let mut wanted = self.members();
        complete.target = self.target.clone().filter(|target| *target != wanted);
        wanted.extend(complete.target.iter().flatten());
        complete.acceptors.retain(|id, _| wanted.contains(id));
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_read_back_as_it_was_written() {
        let addresses = ["redis://a:1", "redis://b:1", "redis://c:1"].map(String::from);
        let mut config = ClusterConfig::first(7, &addresses).unwrap();
        insta::assert_snapshot!(
            String::from_utf8_lossy(&config.bytes()),
            @r#"{"cluster":7,"epoch":1,"acceptors":{"1":"redis://a:1","2":"redis://b:1","3":"redis://c:1"},"prepare":{"members":[1,2,3],"size":2},"accept":{"members":[1,2,3],"size":2},"next":4}"#
        );
        config.target = Some(BTreeSet::from([2, 3, 4]));
        assert_eq!(ClusterConfig::parse(&config.bytes()).unwrap(), config);
    }

    #[test]
    fn unsafe_quorums_are_refused() {
        let text = br#"{"cluster":1,"epoch":1,"acceptors":{},"next":3,
            "prepare":{"members":[1,2],"size":1},"accept":{"members":[1,2],"size":1}}"#;
        assert!(matches!(ClusterConfig::parse(text), Err(ClusterConfigError::Quorums(_))));
    }
}
