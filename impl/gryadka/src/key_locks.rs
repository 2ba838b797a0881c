//! One change at a time for each key on one proposer.

use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Locks by key; a key that nobody holds or waits for takes no room.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks {
    locks: Mutex<HashMap<Bytes, Arc<AsyncMutex<()>>>>,
}

/// Holds a key until it is dropped.
#[derive(Debug)]
pub(crate) struct KeyGuard<'a> {
    locks: &'a KeyLocks,
    key: Bytes,
    guard: Option<OwnedMutexGuard<()>>,
}

impl KeyLocks {
    /// Waits for the key in turn.
    pub(crate) async fn lock(&self, key: &Bytes) -> KeyGuard<'_> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.entry(key.clone()).or_default().clone()
        };
        // The guard exists before the wait, so that a caller who stops waiting tidies up as well.
        let mut guard = KeyGuard { locks: self, key: key.clone(), guard: None };
        guard.guard = Some(lock.lock_owned().await);
        guard
    }
}

impl Drop for KeyGuard<'_> {
    fn drop(&mut self) {
        let mut locks = self.locks.locks.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.guard.take());
        // Everyone who holds or waits has a clone of the lock, taken under the same mutex.
        if locks.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_key_is_held_by_one_and_forgotten_by_all() {
        let locks = KeyLocks::default();
        let key = Bytes::from_static(b"k");
        let first = locks.lock(&key).await;
        let wait = tokio::time::timeout(Duration::from_millis(10), locks.lock(&key)).await;
        assert!(wait.is_err(), "two held the key");
        drop(locks.lock(&Bytes::from_static(b"other")).await);
        drop(first);
        drop(locks.lock(&key).await);
        assert!(locks.locks.lock().unwrap().is_empty());
    }
}
