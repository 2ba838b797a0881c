//! Watching a register by reading it again and again.

use crate::{Acceptor, ChangeError, Store, Versioned};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// A register that is watched. Quorum reads get in no writer's way; a value that is overwritten
/// between two reads is not seen.
pub struct Watch<A> {
    store: Store<A>,
    key: Bytes,
    every: Duration,
    known: Option<Option<u64>>,
}

impl<A: Acceptor> Watch<A> {
    pub(crate) fn new(store: Store<A>, key: &[u8], every: Duration) -> Self {
        Self { store, key: Bytes::copy_from_slice(key), every, known: None }
    }

    /// Waits until the register holds something else than it did when this was last answered, at
    /// first than it does now. `None` when it is deleted.
    ///
    /// # Errors
    /// [`ChangeError`] when the register could not be read; the watch can go on.
    pub async fn changed(&mut self) -> Result<Option<Versioned>, ChangeError> {
        loop {
            let deadline = Instant::now() + self.every.max(Duration::from_secs(5));
            let present = self.store.get(&self.key, deadline).await?;
            let version = present.as_ref().map(|present| present.version);
            let known = self.known.replace(version);
            if known.is_some_and(|known| known != version) {
                return Ok(present);
            }
            tokio::time::sleep(self.every).await;
        }
    }
}
