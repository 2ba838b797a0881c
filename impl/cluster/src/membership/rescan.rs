//! Committing every key again, in the course of a step.
//!
//! What was committed in the epoch before is held by an accept quorum of then. So the keys of acceptors that
//! meet all those quorums are all keys, provided that each of them refused that epoch before it was listed, was
//! listed by one server process from the first page to the last, and still had its memory then: its identity
//! goes with the memory and is never given again, so one look at it after the last page proves the whole
//! listing.

use super::{Driver, Epoch, MembershipError, MembershipEvent};
use crate::listing::Listing;
use crate::{Acceptor, Clock, Proposers, RegisterChange, Registers, RequestError};
use bytes::Bytes;
use caspaxos::{AcceptorId, Configuration};
use futures_util::{StreamExt, stream};
use std::collections::{BTreeSet, HashSet};

/// How many keys are under way at a time.
const AT_ONCE: usize = 64;
/// How many keys are committed between two events.
const KEYS_PER_EVENT: u64 = 1000;
/// How many bytes of keys are remembered, so that the copies of other acceptors are passed over. The keys
/// beyond are committed once for each copy, which changes nothing.
const REMEMBERED_BYTES: usize = 64 << 20;

/// How far a rescan has come, over all its attempts.
#[derive(Debug, Default)]
pub(super) struct Rescan {
    /// The acceptors whose keys have all been committed again.
    listed: BTreeSet<AcceptorId>,
    seen: HashSet<Bytes>,
    bytes: usize,
    done: u64,
}

impl Rescan {
    /// How many keys have been committed again.
    pub(super) const fn keys(&self) -> u64 {
        self.done
    }

    /// Whether this key has not been seen before, as far as that is remembered.
    fn is_new(&mut self, key: &Bytes) -> bool {
        if self.seen.contains(key) {
            return false;
        }
        if self.bytes + key.len() <= REMEMBERED_BYTES {
            self.bytes += key.len();
            self.seen.insert(key.clone());
        }
        true
    }
}

/// Why the keys of one acceptor were not all committed again.
enum Interrupted {
    /// The acceptor did not answer, or its server or its memory is another one now. It is listed again.
    Listing(RequestError),
    Membership(MembershipError),
}

impl<A: Acceptor, P: Proposers<A>, C: Clock> Driver<'_, A, P, C> {
    /// Commits the keys of these acceptors again, which all refuse the epoch before. Answers whether
    /// those that were listed to the end meet all quorums of `before`: then no key is missing.
    pub(super) async fn rescan(
        &self,
        epoch: &Epoch<P::Registers>,
        before: &Configuration,
        fenced: &BTreeSet<AcceptorId>,
        rescan: &mut Rescan,
    ) -> Result<bool, MembershipError> {
        for (id, acceptor) in self.directory.of(&epoch.config)? {
            if !fenced.contains(&id) || rescan.listed.contains(&id) {
                continue;
            }
            match self.migrate_keys_of(epoch, id, &*acceptor, rescan).await {
                Ok(()) => {
                    rescan.listed.insert(id);
                }
                Err(Interrupted::Listing(error)) => {
                    tracing::debug!(acceptor = id.0, %error, "its keys must be listed again");
                }
                Err(Interrupted::Membership(error)) => return Err(error),
            }
        }
        (self.watch)(MembershipEvent::Rescanned { epoch: epoch.config.epoch, keys: rescan.done });
        Ok(before.is_blocked_by(&rescan.listed))
    }

    /// Commits all keys of one acceptor again.
    async fn migrate_keys_of(
        &self,
        epoch: &Epoch<P::Registers>,
        id: AcceptorId,
        acceptor: &A,
        rescan: &mut Rescan,
    ) -> Result<(), Interrupted> {
        let mut listing = Listing::new();
        while let Some(keys) =
            self.directory.answer(listing.next(acceptor)).await.map_err(Interrupted::Listing)?
        {
            let new: Vec<_> = keys.into_iter().filter(|key| rescan.is_new(key)).collect();
            let migrated = stream::iter(new).map(|key| self.migrate_key(epoch, key));
            let mut migrated = std::pin::pin!(migrated.buffer_unordered(AT_ONCE));
            while let Some(migrated) = migrated.next().await {
                migrated.map_err(Interrupted::Membership)?;
                rescan.done += 1;
                if rescan.done.is_multiple_of(KEYS_PER_EVENT) {
                    let (epoch, keys) = (epoch.config.epoch, rescan.done);
                    (self.watch)(MembershipEvent::Rescanned { epoch, keys });
                }
            }
        }
        let status =
            self.directory.answer(acceptor.status()).await.map_err(Interrupted::Listing)?;
        if status.state.is_some_and(|state| epoch.config.is_of(id.0, state)) {
            return Ok(());
        }
        Err(Interrupted::Listing(RequestError::NotMember))
    }

    /// Commits one key again in this epoch, however long it takes within the driver's deadline.
    async fn migrate_key(
        &self,
        epoch: &Epoch<P::Registers>,
        key: Bytes,
    ) -> Result<(), MembershipError> {
        loop {
            let keep = RegisterChange::Keep;
            match epoch.registers.change(&key, keep, self.time_for_a_change()).await {
                Ok(_) => return Ok(()),
                Err(error) => tracing::debug!(%error, "a key was not committed again yet"),
            }
            self.wait().await?;
        }
    }
}
