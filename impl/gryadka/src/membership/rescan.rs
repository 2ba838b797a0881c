//! Committing every key again, after a step of a change of membership.

use super::{Driver, MembershipError, MembershipEvent, RETRY_DELAY};
use crate::cluster_config::ClusterConfig;
use crate::{Acceptor, Cursor, Present, Store};
use bytes::Bytes;
use caspaxos::{AcceptorId, Decision};
use futures_util::{StreamExt, stream};
use std::collections::{BTreeSet, HashSet};
use tokio::time::Instant;

/// How many keys are under way at a time.
const AT_ONCE: usize = 64;
/// How many keys lie between two reports.
const REPORT: u64 = 1000;

/// Brings every key that any acceptor among `told` holds into the config's epoch. Those must
/// meet every quorum of the epoch before, so that nothing is missed. Answers how many keys there are.
pub(super) async fn run<A: Acceptor>(
    driver: &Driver<'_, A>,
    config: &ClusterConfig,
    store: &Store<A>,
    told: &BTreeSet<AcceptorId>,
) -> Result<u64, MembershipError> {
    let (mut seen, mut done) = (HashSet::new(), 0);
    let epoch = config.epoch;
    let acceptors = driver.directory.of(config)?;
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
            let moved = |key| migrate_key(driver, store, key);
            let mut moving = stream::iter(fresh.into_iter().map(moved)).buffer_unordered(AT_ONCE);
            while let Some(moved) = moving.next().await {
                moved?;
                done += 1;
                if done % REPORT == 0 {
                    (driver.watch)(MembershipEvent::Rescanned { epoch, keys: done });
                }
            }
            cursor = page.next;
        }
    }
    (driver.watch)(MembershipEvent::Rescanned { epoch, keys: done });
    Ok(done)
}

/// Brings one key into the epoch, however long it takes within the driver's deadline.
async fn migrate_key<A: Acceptor>(
    driver: &Driver<'_, A>,
    store: &Store<A>,
    key: Bytes,
) -> Result<(), MembershipError> {
    loop {
        let keep = |_: Present<'_>| Decision::Keep(());
        match store.change_any(&key, keep, driver.soon()).await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() + RETRY_DELAY >= driver.deadline => {
                tracing::debug!(%error, "a key could not be brought along in time");
                return Err(MembershipError::Deadline);
            }
            Err(_) => tokio::time::sleep(RETRY_DELAY).await,
        }
    }
}
