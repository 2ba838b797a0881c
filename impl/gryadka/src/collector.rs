//! Collecting tombstones in the background: see [`caspaxos::Collection`] for why it is safe.
//!
//! Acceptors hint at the keys that they hold without a value. Nothing else is remembered, so a
//! collector that dies is followed by another one, which finds what it left. Where there is a value
//! after all, an acceptor has missed it, and is given it.

use crate::cluster_config::ClusterConfig;
use crate::{
    Acceptor, Cursor, Head, Page, ProposerId, Reply, Request, RequestError, VersionedValue,
};
use bytes::Bytes;
use caspaxos::{
    AcceptorId, CollectProgress, Collection, CollectionOutcome, Proposer, Reason, Stage,
};
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many keys are under way at a time.
const AT_ONCE: usize = 32;
/// How often a key is tried that others are writing: each try counts past what it met before.
const TRIES: usize = 3;
/// How long one try may take. What is not done then, a later pass does.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What a pass of the collector came to, in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pass {
    /// Erased on every acceptor.
    pub erased: u64,
    /// Ballots a value by now.
    pub alive: u64,
    /// Not everyone could be asked: left for a later pass.
    pub unfinished: u64,
}

/// A page of an acceptor's hints, if it answers.
async fn tombstones<A: Acceptor>(acceptor: &Arc<A>, at: Cursor) -> Option<Page> {
    tokio::time::timeout(TIMEOUT, acceptor.tombstones(at)).await.ok()?.ok()
}

/// A collector at work in one epoch.
pub(crate) struct Collector<A> {
    config: ClusterConfig,
    acceptors: BTreeMap<AcceptorId, Arc<A>>,
    proposer: Mutex<Proposer<Bytes, VersionedValue>>,
}

impl<A: Acceptor> Collector<A> {
    /// A collector with a proposer id of its own. `None` when the config's quorums are unsafe.
    pub(crate) fn new(
        config: ClusterConfig,
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
        id: ProposerId,
    ) -> Option<Self> {
        let proposer = Mutex::new(Proposer::new(id, config.configuration().ok()?, 0));
        Some(Self { config, acceptors, proposer })
    }

    /// Goes through the hints of all acceptors once. Everyone must take part in a collection, so
    /// where one does not answer nothing is tried.
    pub(crate) async fn pass(&self) -> Pass {
        let mut pass = Pass::default();
        let first =
            join_all(self.acceptors.values().map(|it| tombstones(it, Cursor::default()))).await;
        if first.iter().any(Option::is_none) {
            let keys: BTreeSet<Bytes> =
                first.into_iter().flatten().flat_map(|page| page.keys).collect();
            return Pass { unfinished: keys.len() as u64, ..pass };
        }
        let mut seen = BTreeSet::new();
        for (acceptor, mut page) in self.acceptors.values().zip(first) {
            while let Some(Page { keys, next }) = page {
                let fresh: Vec<Bytes> =
                    keys.into_iter().filter(|key| seen.insert(key.clone())).collect();
                let ends = stream::iter(fresh.into_iter().map(|key| self.collect(key)));
                let mut ends = ends.buffer_unordered(AT_ONCE);
                while let Some(end) = ends.next().await {
                    match end {
                        CollectionOutcome::Erased => pass.erased += 1,
                        CollectionOutcome::Alive => pass.alive += 1,
                        CollectionOutcome::Unfinished(_) => pass.unfinished += 1,
                    }
                }
                page = match next {
                    Some(at) => tombstones(acceptor, at).await,
                    None => None,
                };
            }
        }
        pass
    }

    /// Collects one register, if it holds a tombstone.
    async fn collect(&self, key: Bytes) -> CollectionOutcome {
        let mut end = CollectionOutcome::Unfinished(Reason::Conflict);
        for _ in 0..TRIES {
            end = self.attempt(key.clone()).await;
            if end != CollectionOutcome::Unfinished(Reason::Conflict) {
                break;
            }
        }
        end
    }

    /// One round, and the erasing that follows it.
    async fn attempt(&self, key: Bytes) -> CollectionOutcome {
        let (mut collection, mut progress) = Collection::begin(&mut self.proposer(), key.clone());
        let mut calls = FuturesUnordered::new();
        let give_up = tokio::time::sleep(TIMEOUT);
        tokio::pin!(give_up);
        loop {
            match progress {
                CollectProgress::Over(end) => return end,
                CollectProgress::Send(requests) => {
                    for (from, request) in requests {
                        let stage = request.stage();
                        let call = self.ask(from, key.clone(), request, collection.epoch());
                        calls.push(async move { (from, stage, call.await) });
                    }
                }
                CollectProgress::Wait => {}
            }
            let (from, stage, result) = tokio::select! {
                Some(answer) = calls.next() => answer,
                () = &mut give_up => {
                    return collection.give_up(&mut self.proposer(), Reason::Deadline);
                }
            };
            progress = self.advance(&mut collection, from, stage, result);
        }
    }

    fn advance(
        &self,
        collection: &mut Collection<Bytes, Bytes>,
        from: AcceptorId,
        stage: Stage,
        result: Result<Reply, RequestError>,
    ) -> CollectProgress<Bytes> {
        match result {
            Ok(reply) => collection.on_reply(&mut self.proposer(), from, reply),
            Err(lost) => {
                collection.on_error(&mut self.proposer(), from, stage, lost.may_have_executed())
            }
        }
    }

    async fn ask(
        &self,
        to: AcceptorId,
        key: Bytes,
        request: Request,
        epoch: u64,
    ) -> Result<Reply, RequestError> {
        let Some(acceptor) = self.acceptors.get(&to) else {
            return Err(RequestError::NotConnected(String::from("no such acceptor here")));
        };
        let head = Head { identity: self.config.identity(to.0), epoch };
        acceptor.ask(head, key, request).await
    }

    fn proposer(&self) -> MutexGuard<'_, Proposer<Bytes, VersionedValue>> {
        self.proposer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
