//! Collecting tombstones in the background: see [`caspaxos::Collection`] for why it is safe.
//!
//! Acceptors hint at the keys that they hold without a value. Nothing else is remembered, so a
//! collector that dies is followed by another one, which finds what it left. Where there is a value
//! after all, an acceptor has missed it, and is given it.

use crate::document::Document;
use crate::{Acceptor, Cell, Cursor, Head, Lost, Page, ProposerId, Reply, Request};
use bytes::Bytes;
use caspaxos::{AcceptorId, CollectProgress, Collected, Collection, Proposer, Stage, Why};
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
const PATIENCE: Duration = Duration::from_secs(2);

/// What a pass of the collector came to, in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pass {
    /// Erased on every acceptor.
    pub erased: u64,
    /// Held a value by now.
    pub alive: u64,
    /// Not everyone could be asked: left for a later pass.
    pub unfinished: u64,
}

/// A page of an acceptor's hints, if it answers.
async fn hints<A: Acceptor>(acceptor: &Arc<A>, at: Cursor) -> Option<Page> {
    tokio::time::timeout(PATIENCE, acceptor.hints(at)).await.ok()?.ok()
}

/// A collector at work in one epoch.
pub(crate) struct Collector<A> {
    document: Document,
    acceptors: BTreeMap<AcceptorId, Arc<A>>,
    proposer: Mutex<Proposer<Bytes, Cell>>,
}

impl<A: Acceptor> Collector<A> {
    /// A collector with a proposer id of its own. `None` when the document's quorums are unsafe.
    pub(crate) fn new(
        document: Document,
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
        id: ProposerId,
    ) -> Option<Self> {
        let proposer = Mutex::new(Proposer::new(id, document.configuration().ok()?, 0));
        Some(Self { document, acceptors, proposer })
    }

    /// Goes through the hints of all acceptors once. Everyone must take part in a collection, so
    /// where one does not answer nothing is tried.
    pub(crate) async fn pass(&self) -> Pass {
        let mut pass = Pass::default();
        let first = join_all(self.acceptors.values().map(|it| hints(it, Cursor::default()))).await;
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
                        Collected::Erased => pass.erased += 1,
                        Collected::Alive => pass.alive += 1,
                        Collected::Unfinished(_) => pass.unfinished += 1,
                    }
                }
                page = match next {
                    Some(at) => hints(acceptor, at).await,
                    None => None,
                };
            }
        }
        pass
    }

    /// Collects one register, if it holds a tombstone.
    async fn collect(&self, key: Bytes) -> Collected {
        let mut end = Collected::Unfinished(Why::Conflict);
        for _ in 0..TRIES {
            end = self.attempt(key.clone()).await;
            if end != Collected::Unfinished(Why::Conflict) {
                break;
            }
        }
        end
    }

    /// One round, and the erasing that follows it.
    async fn attempt(&self, key: Bytes) -> Collected {
        let (mut collection, mut progress) = Collection::begin(&mut self.proposer(), key.clone());
        let mut calls = FuturesUnordered::new();
        let give_up = tokio::time::sleep(PATIENCE);
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
                    return collection.give_up(&mut self.proposer(), Why::Deadline);
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
        result: Result<Reply, Lost>,
    ) -> CollectProgress<Bytes> {
        match result {
            Ok(reply) => collection.on_reply(&mut self.proposer(), from, reply),
            Err(lost) => collection.on_lost(&mut self.proposer(), from, stage, lost.delivered()),
        }
    }

    async fn ask(
        &self,
        to: AcceptorId,
        key: Bytes,
        request: Request,
        epoch: u64,
    ) -> Result<Reply, Lost> {
        let Some(acceptor) = self.acceptors.get(&to) else {
            return Err(Lost::NotConnected(String::from("no such acceptor here")));
        };
        let head = Head { stamp: self.document.stamp(to.0), epoch };
        acceptor.ask(head, key, request).await
    }

    fn proposer(&self) -> MutexGuard<'_, Proposer<Bytes, Cell>> {
        self.proposer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
