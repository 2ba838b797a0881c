//! Collecting tombstones in the background: see [`caspaxos::Collection`] for why it is safe.
//!
//! Acceptors index the keys that they hold without a value. Nothing else is remembered, so a collector that
//! dies is followed by another one, which finds what it left. Where there is a value after all, an acceptor
//! has missed it, and is given it.

use crate::directory::ANSWER_TIMEOUT;
use crate::{Acceptor, Clock, Cursor, Page, Registers};
use bytes::Bytes;
use caspaxos::{CollectionOutcome, Reason};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How many keys are under way at a time.
const AT_ONCE: usize = 32;
/// How often a key that others are writing is tried: each try takes a higher ballot than it met before.
const TRIES: usize = 3;
/// How long one try may take. What is not done then, a later pass does.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);
/// How many bytes of keys one pass takes up at most; the rest is left to the next one.
const PASS_LIMIT_BYTES: usize = 16 << 20;

/// The result of a pass of the collector, in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectorOutcome {
    /// Erased on every acceptor.
    pub erased: u64,
    /// Found to hold a value.
    pub alive: u64,
    /// An acceptor could not be asked: left for a later pass.
    pub unfinished: u64,
}

/// A collector in one epoch.
pub struct Collector<A, R, C> {
    /// The members.
    pub acceptors: Vec<Arc<A>>,
    /// The registers, as a proposer of the collector's own changes them.
    pub registers: R,
    /// The time.
    pub clock: C,
}

impl<A: Acceptor, R: Registers, C: Clock> Collector<A, R, C> {
    /// Goes through the tombstone indexes of all acceptors once. Every acceptor must take part in a
    /// collection, so where one does not answer nothing is tried.
    pub async fn pass(&self) -> CollectorOutcome {
        let mut outcome = CollectorOutcome::default();
        let first =
            join_all(self.acceptors.iter().map(|it| self.page(it, Cursor::default()))).await;
        if first.iter().any(Option::is_none) {
            let pages = first.into_iter().flatten();
            let keys: BTreeSet<Bytes> = pages.flat_map(|page| page.keys).collect();
            return CollectorOutcome { unfinished: keys.len() as u64, ..outcome };
        }
        let (mut seen, mut bytes) = (BTreeSet::new(), 0);
        for (acceptor, mut page) in self.acceptors.iter().zip(first) {
            while let Some(Page { keys, next }) = page {
                let new: Vec<_> = keys.into_iter().filter(|key| seen.insert(key.clone())).collect();
                bytes += new.iter().map(Bytes::len).sum::<usize>();
                self.collect_all(new, &mut outcome).await;
                page = match next {
                    Some(at) if bytes < PASS_LIMIT_BYTES => self.page(acceptor, at).await,
                    Some(_) | None => None,
                };
            }
        }
        outcome
    }

    /// A page of an acceptor's tombstone index, if it answers.
    async fn page(&self, acceptor: &Arc<A>, at: Cursor) -> Option<Page> {
        self.clock.within(ANSWER_TIMEOUT, acceptor.tombstones(at)).await?.ok()
    }

    async fn collect_all(&self, keys: Vec<Bytes>, outcome: &mut CollectorOutcome) {
        let collected = stream::iter(keys).map(|key| self.collect(key));
        let mut collected = std::pin::pin!(collected.buffer_unordered(AT_ONCE));
        while let Some(collected) = collected.next().await {
            match collected {
                CollectionOutcome::Erased => outcome.erased += 1,
                CollectionOutcome::Alive => outcome.alive += 1,
                CollectionOutcome::Unfinished(_) => outcome.unfinished += 1,
            }
        }
    }

    /// Collects one register, if it holds a tombstone.
    async fn collect(&self, key: Bytes) -> CollectionOutcome {
        let mut outcome = CollectionOutcome::Unfinished(Reason::Conflict);
        for _ in 0..TRIES {
            outcome = self.registers.collect(&key, TRY_TIMEOUT).await;
            if outcome != CollectionOutcome::Unfinished(Reason::Conflict) {
                break;
            }
        }
        outcome
    }
}
