//! The store's registers, as the procedures use them.

use crate::{Acceptor, ClusterConfig};
use bytes::Bytes;
use caspaxos::{AcceptorId, CollectionOutcome, Configuration};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Makes proposers. Each has an id that no proposer had before.
pub trait Proposers<A: Acceptor>: Send + Sync {
    /// The registers as such a proposer changes them.
    type Registers: Registers;

    /// A proposer under this configuration of the cluster, over these acceptors.
    fn open(
        &self,
        config: &ClusterConfig,
        configuration: Configuration,
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
    ) -> Self::Registers;

    /// A number that is not guessed and not drawn again, from 1 to 2^53 - 1: the token of one wipe.
    fn token(&self) -> u64;
}

/// What is to become of a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegisterChange {
    /// Nothing: the present value is committed once more.
    Keep,
    /// It gets this value if it has none.
    Create(Bytes),
    /// It gets the value `after` if it has the value `before`.
    Replace {
        /// What is expected.
        before: Bytes,
        /// What is to be there then.
        after: Bytes,
    },
}

/// The registers as one proposer changes them. It goes out of use when this is dropped.
pub trait Registers: Send + Sync {
    /// Changes a register by a committed round within this time, and answers what it holds afterwards:
    /// `None` for no value.
    ///
    /// # Errors
    /// The reason, in words, why it was not committed; the change may have happened. The procedures read
    /// again what they are not sure of.
    fn change(
        &self,
        key: &[u8],
        change: RegisterChange,
        within: Duration,
    ) -> impl Future<Output = Result<Option<Bytes>, String>> + Send;

    /// Erases a register from every acceptor, if it holds a tombstone.
    fn collect(
        &self,
        key: &Bytes,
        within: Duration,
    ) -> impl Future<Output = CollectionOutcome> + Send;
}
