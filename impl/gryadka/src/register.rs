//! Registers on top of `change`: what most callers want.

use crate::{Acceptor, ChangeError, Present, Store, VersionedValue};
use bytes::Bytes;
use caspaxos::Decision;
use tokio::time::Instant;

/// A value with its version, which grows with every change of the register, also over a delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Never 0, and never the same for two values of a key.
    pub version: u64,
    /// The value.
    pub value: Bytes,
}

/// What a compare-and-set, or a conditional delete, expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// Whatever there is.
    Anything,
    /// No value.
    Absent,
    /// Some value.
    Present,
    /// A value of this version.
    Version(u64),
}

/// The answer of a compare-and-set. Both are true answers of a committed round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CasAnswer {
    /// It is written, or deleted; this is the version.
    Set(u64),
    /// The register did not hold what was expected; this is what it held.
    Mismatch(Option<Versioned>),
}

impl Expected {
    /// Whether a register that holds this meets the expectation.
    #[must_use]
    pub const fn is_met_by(self, present: Present<'_>) -> bool {
        match (self, present.value) {
            (Self::Anything, _) | (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Version(version), Some(_)) => version == present.version,
            (Self::Absent, Some(_)) | (Self::Present | Self::Version(_), None) => false,
        }
    }
}

fn versioned(present: Present<'_>) -> Option<Versioned> {
    present.value.map(|value| Versioned { version: present.version, value: value.clone() })
}

impl<A: Acceptor> Store<A> {
    /// Reads a register: a quorum read, which gets in no writer's way.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`], or [`ChangeError::TooLong`] for the key; never
    /// [`ChangeError::Unknown`].
    pub async fn get(
        &self,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<Versioned>, ChangeError> {
        let found = self.read(key, deadline).await?;
        Ok(found.and_then(|VersionedValue { version, value, .. }| {
            Some(Versioned { version, value: value? })
        }))
    }

    /// Writes a register, whatever it held, and answers its new version.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] and [`ChangeError::Unknown`] as [`Store::change`] says;
    /// [`ChangeError::TooLong`] for the key or the value.
    pub async fn set(
        &self,
        key: &[u8],
        value: Bytes,
        deadline: Instant,
    ) -> Result<u64, ChangeError> {
        let put = move |present: Present<'_>| Decision::Put(Some(value.clone()), present.next);
        self.change(key, put, deadline).await
    }

    /// Writes a register if it holds what is expected.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] and [`ChangeError::Unknown`] as [`Store::change`] says;
    /// [`ChangeError::TooLong`] for the key or the value. A mismatch is an answer, not an error.
    pub async fn compare_and_set(
        &self,
        key: &[u8],
        expected: Expected,
        value: Bytes,
        deadline: Instant,
    ) -> Result<CasAnswer, ChangeError> {
        let put = move |present: Present<'_>| {
            if expected.is_met_by(present) {
                Decision::Put(Some(value.clone()), CasAnswer::Set(present.next))
            } else {
                Decision::Keep(CasAnswer::Mismatch(versioned(present)))
            }
        };
        self.change(key, put, deadline).await
    }

    /// Deletes a register if it holds what is expected. There must be a value to delete, so where
    /// there is none the answer is a mismatch. A tombstone stays until it is collected.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] and [`ChangeError::Unknown`] as [`Store::change`] says;
    /// [`ChangeError::TooLong`] for the key. A mismatch is an answer, not an error.
    pub async fn delete(
        &self,
        key: &[u8],
        expected: Expected,
        deadline: Instant,
    ) -> Result<CasAnswer, ChangeError> {
        let bury = move |present: Present<'_>| {
            if present.value.is_some() && expected.is_met_by(present) {
                Decision::Put(None, CasAnswer::Set(present.next))
            } else {
                Decision::Keep(CasAnswer::Mismatch(versioned(present)))
            }
        };
        self.change(key, bury, deadline).await
    }

    /// Reads several registers at once. Each is read for itself: they are no snapshot.
    pub async fn get_many(
        &self,
        keys: &[&[u8]],
        deadline: Instant,
    ) -> Vec<Result<Option<Versioned>, ChangeError>> {
        futures_util::future::join_all(keys.iter().map(|key| self.get(key, deadline))).await
    }

    /// Writes several registers at once. Each is written for itself: they are no transaction.
    pub async fn set_many(
        &self,
        entries: &[(&[u8], Bytes)],
        deadline: Instant,
    ) -> Vec<Result<u64, ChangeError>> {
        let sets = entries.iter().map(|(key, value)| self.set(key, value.clone(), deadline));
        futures_util::future::join_all(sets).await
    }
}
