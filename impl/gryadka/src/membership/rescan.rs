//! Committing every key again, after a step of a change of membership.

use super::{AGAIN, ANSWER, Driver, MembershipError, Progress};
use crate::document::Document;
use crate::{Acceptor, Cursor, Head, Present, Reply, Request, Store};
use bytes::Bytes;
use caspaxos::{AcceptorId, Configuration, CopyProgress, Copying, Step};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use tokio::time::Instant;

/// How many keys are under way at a time.
const AT_ONCE: usize = 64;
/// How many keys lie between two reports.
const REPORT: u64 = 1000;

/// How keys are brought into a new epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rescan {
    /// A change that keeps the value: always right.
    #[default]
    Identity,
    /// The newest of what a quorum holds is copied to those who are to hold it: cheaper, as no
    /// ballot is taken. It is done where every acceptor of the epoch before has heard of the new one,
    /// so that no accept of then can still arrive; elsewhere, and for a key that is being
    /// written, identity changes are made.
    Copy,
}

/// Brings every key that any acceptor among `told` holds into the document's epoch. Those must
/// meet every quorum of the epoch before, so that nothing is missed. Answers how many keys there are.
pub(super) async fn run<A: Acceptor>(
    driver: &Driver<'_, A>,
    document: &Document,
    store: &Store<A>,
    told: &BTreeSet<AcceptorId>,
    way: Rescan,
) -> Result<u64, MembershipError> {
    let (mut seen, mut done) = (HashSet::new(), 0);
    let epoch = document.epoch;
    let acceptors = driver.roster.of(document)?;
    let copier = match (way, document.before()?) {
        (Rescan::Copy, Some(before)) => {
            let after = document.configuration()?;
            Some(Copier { document, before, after, acceptors: &acceptors })
        }
        (Rescan::Copy | Rescan::Identity, _) => None,
    };
    for (id, acceptor) in &acceptors {
        if !told.contains(id) {
            continue;
        }
        let mut cursor = Some(Cursor::default());
        while let Some(at) = cursor {
            if Instant::now() >= driver.deadline {
                return Err(MembershipError::Deadline);
            }
            let page = loop {
                match acceptor.list(at.clone()).await {
                    Ok(page) => break page,
                    Err(error) => tracing::debug!(acceptor = id.0, %error, "no list of keys yet"),
                }
                driver.wait().await?;
            };
            let fresh: Vec<Bytes> =
                page.keys.into_iter().filter(|key| seen.insert(key.clone())).collect();
            let moved = |key| bring(driver, store, copier.as_ref(), key);
            let mut moving = stream::iter(fresh.into_iter().map(moved)).buffer_unordered(AT_ONCE);
            while let Some(moved) = moving.next().await {
                moved?;
                done += 1;
                if done % REPORT == 0 {
                    (driver.watch)(Progress::Rescanned { epoch, keys: done });
                }
            }
            cursor = page.next;
        }
    }
    (driver.watch)(Progress::Rescanned { epoch, keys: done });
    Ok(done)
}

/// Brings one key into the epoch, however long it takes within the driver's deadline.
async fn bring<A: Acceptor>(
    driver: &Driver<'_, A>,
    store: &Store<A>,
    copier: Option<&Copier<'_, A>>,
    key: Bytes,
) -> Result<(), MembershipError> {
    if let Some(copier) = copier
        && copier.copy(&key).await
    {
        return Ok(());
    }
    loop {
        let keep = |_: Present<'_>| Step::Keep(());
        match store.change_any(&key, keep, driver.soon()).await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() + AGAIN >= driver.deadline => {
                tracing::debug!(%error, "a key could not be brought along in time");
                return Err(MembershipError::Deadline);
            }
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// What copying a key takes, which is the same for all keys of a rescan.
struct Copier<'a, A> {
    document: &'a Document,
    before: Configuration,
    after: Configuration,
    acceptors: &'a BTreeMap<AcceptorId, Arc<A>>,
}

impl<A: Acceptor> Copier<'_, A> {
    /// Copies the newest of what the acceptors of the epoch before hold to all of this one. `false`
    /// when it must be done by a round.
    async fn copy(&self, key: &Bytes) -> bool {
        let (mut copying, mut progress) = Copying::begin(self.before.clone(), self.after.clone());
        let mut calls = FuturesUnordered::new();
        loop {
            match progress {
                CopyProgress::Copied => return true,
                CopyProgress::NeedsRound => return false,
                CopyProgress::Send(requests) => {
                    calls.extend(requests.into_iter().map(|(id, it)| self.ask(id, key, it)));
                }
                CopyProgress::Wait => {}
            }
            progress = match calls.next().await {
                Some((id, Some(reply))) => copying.on_reply(id, reply),
                Some((id, None)) => copying.on_lost(id),
                None => return false,
            };
        }
    }

    /// What an acceptor answers, if it does.
    async fn ask(
        &self,
        id: AcceptorId,
        key: &Bytes,
        request: Request,
    ) -> (AcceptorId, Option<Reply>) {
        let Some(acceptor) = self.acceptors.get(&id) else { return (id, None) };
        let head = Head { stamp: self.document.stamp(id.0), epoch: self.document.epoch };
        let asked = acceptor.ask(head, key.clone(), request);
        (id, tokio::time::timeout(ANSWER, asked).await.ok().and_then(Result::ok))
    }
}
