//! What the cluster's procedures need of the store and of tokio: see [`gryadka_cluster`].

use crate::gryadka::fresh_proposer_id;
use crate::{Acceptor, Bytes, ClusterConfig, Decision, Options, Present, Store};
use caspaxos::{AcceptorId, CollectionOutcome, Configuration};
use gryadka_cluster::{Clock, Proposers, RegisterChange, Registers};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Tokio's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokioClock {
    origin: Instant,
}

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// An instant as this clock tells it; those before its origin are at it.
    pub(crate) fn time(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.origin)
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Makes a store for each configuration that a procedure works under.
#[derive(Debug, Default)]
pub(crate) struct StoreProposers {
    /// Other rules than the protocol's own: for the gallery of mutants.
    #[cfg(feature = "mutants")]
    pub(crate) rules: Option<Arc<dyn caspaxos::Rules>>,
}

impl<A: Acceptor> Proposers<A> for StoreProposers {
    type Registers = StoreRegisters<A>;

    fn open(
        &self,
        config: &ClusterConfig,
        configuration: Configuration,
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
    ) -> StoreRegisters<A> {
        let id = fresh_proposer_id();
        #[cfg_attr(not(feature = "mutants"), expect(unused_mut, reason = "rules are set below"))]
        let mut options = Options::new(id, config.cluster, configuration);
        #[cfg(feature = "mutants")]
        options.rules.clone_from(&self.rules);
        StoreRegisters { store: Store::new(options, acceptors) }
    }

    fn token(&self) -> u64 {
        rand::random_range(1..=u64::MAX >> 11)
    }
}

/// The registers of a store under one configuration.
pub(crate) struct StoreRegisters<A> {
    store: Store<A>,
}

impl<A: Acceptor> Registers for StoreRegisters<A> {
    async fn change(
        &self,
        key: &[u8],
        change: RegisterChange,
        within: Duration,
    ) -> Result<Option<Bytes>, String> {
        let decide = move |present: Present<'_>| decide(&change, present.value);
        let deadline = Instant::now() + within;
        self.store.change_any(key, decide, deadline).await.map_err(|error| error.to_string())
    }

    async fn collect(&self, key: &Bytes, within: Duration) -> CollectionOutcome {
        self.store.collect(key, Instant::now() + within).await
    }
}

/// What a change makes of a value, and the value afterwards.
fn decide(change: &RegisterChange, present: Option<&Bytes>) -> Decision<Bytes, Option<Bytes>> {
    match (change, present) {
        (RegisterChange::Create(value), None) => {
            Decision::Put(Some(value.clone()), Some(value.clone()))
        }
        (RegisterChange::Replace { before, after }, Some(value)) if value == before => {
            Decision::Put(Some(after.clone()), Some(after.clone()))
        }
        (
            RegisterChange::Keep | RegisterChange::Create(_) | RegisterChange::Replace { .. },
            present,
        ) => Decision::Keep(present.cloned()),
    }
}
