//! A proposer over its acceptors: the store as one process sees it.

use crate::engine::{Engine, Place};
use crate::limits::Limits;
use crate::pending_change::pending;
use crate::{Acceptor, ChangeError, Present, VersionedValue};
use bytes::Bytes;
use caspaxos::{
    AcceptorId, CollectionOutcome, Configuration, Decision, ProposerId, ReadOutcome, Reason,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument;

/// How often a read asks before it runs a round, which gets in a writer's way. A change that is half
/// done when it is asked about is mostly done the next time.
const READS: usize = 4;

/// How a store is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Identifies this life of this proposer: never used before in the cluster.
    pub proposer: ProposerId,
    /// The cluster that the acceptors have joined. Below 2^53.
    pub cluster: u64,
    /// The acceptors and their quorums.
    pub configuration: Configuration,
    /// How many keys are remembered to save them a round trip; 0 for none.
    pub cache: usize,
    /// How many bytes they may take with their values; 64 MiB by default. Those changed last are
    /// remembered, and a key that takes more by itself costs a second round trip at every change.
    pub cache_bytes: usize,
    /// How long keys and values may be. Must pass [`Limits::check`].
    pub limits: Limits,
    /// Other rules than the protocol's own: for the gallery of mutants.
    #[cfg(feature = "mutants")]
    pub rules: Option<Arc<dyn caspaxos::Rules>>,
}

impl Options {
    pub(crate) const CACHE_BYTES: usize = 64 << 20;

    /// A proposer with a cache of 10,000 keys and the default limits.
    #[must_use]
    pub fn new(proposer: ProposerId, cluster: u64, configuration: Configuration) -> Self {
        Self {
            proposer,
            cluster,
            configuration,
            cache: 10_000,
            cache_bytes: Self::CACHE_BYTES,
            limits: Limits::default(),
            #[cfg(feature = "mutants")]
            rules: None,
        }
    }
}

/// A proposer over its acceptors. Clones share it.
///
/// It is made inside a tokio runtime, which carries its requests. It may be used anywhere.
pub struct Store<A> {
    engine: Arc<Engine<A>>,
    limits: Limits,
}

impl<A> Clone for Store<A> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), limits: self.limits }
    }
}

impl<A: Acceptor> Store<A> {
    /// A store over these acceptors. An acceptor that the configuration names and that is missing
    /// here counts as unreachable.
    #[must_use]
    pub fn new(options: Options, acceptors: BTreeMap<AcceptorId, Arc<A>>) -> Self {
        let limits = options.limits;
        Self { engine: Engine::start(options, acceptors), limits }
    }

    /// Applies `f` to what the register holds and commits what it makes of it. `f` may run several
    /// times, but at most one of its results takes effect. `Put(None, …)` deletes.
    ///
    /// `f` runs while the store is locked: it must be quick, and must not use the store itself.
    ///
    /// Changes that wait for the same key here share a round. Dropping the future does not take the
    /// change back.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] when nothing has happened nor will; [`ChangeError::Unknown`] when
    /// that is in doubt: at the deadline, or when the register was erased, or written by many others,
    /// meanwhile; [`ChangeError::TooLong`] for the key or the value. A change
    /// whose `f` only ever answers [`Decision::Keep`] is never unknown.
    ///
    /// # Panics
    /// When `f` does.
    pub async fn change<T, F>(&self, key: &[u8], f: F, deadline: Instant) -> Result<T, ChangeError>
    where
        T: Send + 'static,
        F: FnMut(Present<'_>) -> Decision<Bytes, T> + Send + 'static,
    {
        self.limits.key(key).map_err(ChangeError::TooLong)?;
        self.change_any(key, f, deadline).await
    }

    /// The same for the key of the config, too, which no caller's key is.
    pub(crate) async fn change_any<T, F>(
        &self,
        key: &[u8],
        f: F,
        deadline: Instant,
    ) -> Result<T, ChangeError>
    where
        T: Send + 'static,
        F: FnMut(Present<'_>) -> Decision<Bytes, T> + Send + 'static,
    {
        if deadline <= Instant::now() {
            return Err(ChangeError::NotApplied(Reason::Deadline));
        }
        let span = tracing::debug_span!("change", key = %key.escape_ascii());
        self.run(Bytes::copy_from_slice(key), f, deadline).instrument(span).await
    }

    async fn run<T, F>(&self, key: Bytes, f: F, deadline: Instant) -> Result<T, ChangeError>
    where
        T: Send + 'static,
        F: FnMut(Present<'_>) -> Decision<Bytes, T> + Send + 'static,
    {
        let (pending, answer) = pending(f, self.limits);
        self.engine.submit(&key, pending, deadline);
        let answer = self.engine.answer(Place::Key(key), deadline, answer).await;
        if let Ok(Err(error)) = &answer {
            tracing::debug!(%error, "the change did not commit");
        }
        #[expect(clippy::panic, reason = "the caller's own function has panicked")]
        answer.unwrap_or_else(|_| panic!("the change function panicked"))
    }

    /// What a register holds, tombstones too: by a quorum read, or by a round where acceptors differ.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`], or [`ChangeError::TooLong`] for the key: a read leaves nothing
    /// behind.
    pub async fn read(
        &self,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<VersionedValue>, ChangeError> {
        self.limits.key(key).map_err(ChangeError::TooLong)?;
        let span = tracing::debug_span!("read", key = %key.escape_ascii());
        self.read_any(key, deadline).instrument(span).await
    }

    /// The same for the key of the config, too, which no caller's key is.
    pub(crate) async fn read_any(
        &self,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<VersionedValue>, ChangeError> {
        let bytes = Bytes::copy_from_slice(key);
        for _ in 0..READS {
            if let Some(found) = self.quorum_read(&bytes, deadline).await {
                return Ok(found);
            }
            if deadline <= Instant::now() {
                break;
            }
        }
        let keep = |present: Present<'_>| {
            let found = (present.version > 0).then(|| VersionedValue {
                version: present.version,
                value: present.value.cloned(),
                lineage: caspaxos::Lineage::default(),
            });
            Decision::Keep(found)
        };
        tracing::debug!("acceptors differ: a round is run");
        self.change_any(key, keep, deadline).await
    }

    /// What a quorum agrees on, if it does.
    async fn quorum_read(&self, key: &Bytes, deadline: Instant) -> Option<Option<VersionedValue>> {
        let (place, answer) = self.engine.read(key, deadline);
        match self.engine.answer(place, deadline, answer).await {
            Ok(ReadOutcome::Decided(found)) => Some(found),
            Ok(ReadOutcome::Inconclusive) | Err(_) => None,
        }
    }

    /// Erases a register from every acceptor, if it holds a tombstone. Changes of the key here go first: a
    /// collection that meets them is [`CollectionOutcome::Unfinished`].
    pub async fn collect(&self, key: &[u8], deadline: Instant) -> CollectionOutcome {
        let key = Bytes::copy_from_slice(key);
        let answer = self.engine.collect(&key, deadline);
        let answer = self.engine.answer(Place::Key(key), deadline, answer).await;
        answer.unwrap_or(CollectionOutcome::Unfinished(Reason::Unreachable))
    }

    /// The configuration that it works under.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        self.engine.configuration()
    }

    /// Works under a later configuration from now on, with these acceptors. Answers whether it is
    /// later than the one before; otherwise nothing has changed.
    pub fn reconfigure(
        &self,
        configuration: Configuration,
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
    ) -> bool {
        self.engine.reconfigure(configuration, acceptors)
    }

    /// How often an acceptor has named another proposer's ballot as an obstacle, since this store was
    /// made. Quorum reads take no ballot, and never obstruct another proposer.
    #[must_use]
    pub fn conflicts(&self) -> u64 {
        self.engine.conflicts()
    }

    /// The latest epoch that an acceptor has reported: when it is past the configuration's,
    /// this proposer is fenced until it is reconfigured.
    #[must_use]
    pub fn fenced(&self) -> watch::Receiver<u64> {
        self.engine.fenced()
    }
}

impl<A: Acceptor> Store<A> {
    /// Waits until an acceptor has answered that it is not the one that is meant.
    pub(crate) async fn unknown_acceptor(&self) {
        self.engine.unknown_acceptor().await;
    }
}
