//! Registers on top of `change`: last write wins, and compare-and-set by version.

use crate::{Acceptor, ChangeError, Store};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use caspaxos::Step;
use tokio::time::Instant;

/// A value with the number of writes that led to it, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// How many times the register has been written.
    pub version: u64,
    /// The value.
    pub value: Bytes,
}

/// What a compare-and-set came to. Both are true answers of a committed round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CasAnswer {
    /// The value is written; this is its version.
    Set(u64),
    /// The version was another one: this is what the register held instead.
    Mismatch(Option<Versioned>),
}

const VERSION_BYTES: usize = 8;

impl Versioned {
    fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(VERSION_BYTES + self.value.len());
        bytes.put_u64(self.version);
        bytes.put_slice(&self.value);
        bytes.freeze()
    }

    /// Bytes that are too short were not written by a versioned register; they count as version 0.
    fn decode(bytes: &Bytes) -> Self {
        if bytes.len() < VERSION_BYTES {
            return Self { version: 0, value: bytes.clone() };
        }
        let mut rest = bytes.clone();
        let version = rest.get_u64();
        Self { version, value: rest }
    }
}

/// A key belongs to one kind of register: plain values, or versioned ones.
impl<A: Acceptor> Store<A> {
    /// Reads a plain register.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`]: a read leaves nothing behind.
    pub async fn get(&self, key: &[u8], deadline: Instant) -> Result<Option<Bytes>, ChangeError> {
        self.change(key, |present| Step::Keep(present.cloned()), deadline).await
    }

    /// Writes a plain register, whatever it held.
    ///
    /// # Errors
    /// As [`Store::change`].
    pub async fn set(
        &self,
        key: &[u8],
        value: Bytes,
        deadline: Instant,
    ) -> Result<(), ChangeError> {
        self.change(key, |_| Step::Put(Some(value.clone()), ()), deadline).await
    }

    /// Reads a versioned register.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`]: a read leaves nothing behind.
    pub async fn get_versioned(
        &self,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<Versioned>, ChangeError> {
        self.change(key, |present| Step::Keep(present.map(Versioned::decode)), deadline).await
    }

    /// Writes a versioned register if it still has this version; 0 asks for an empty register.
    ///
    /// # Errors
    /// As [`Store::change`]. A mismatch is an answer, not an error.
    pub async fn compare_and_set(
        &self,
        key: &[u8],
        version: u64,
        value: Bytes,
        deadline: Instant,
    ) -> Result<CasAnswer, ChangeError> {
        let compare = |present: Option<&Bytes>| {
            let present = present.map(Versioned::decode);
            if present.as_ref().map_or(0, |present| present.version) != version {
                return Step::Keep(CasAnswer::Mismatch(present));
            }
            let next = Versioned { version: version + 1, value: value.clone() };
            Step::Put(Some(next.encode()), CasAnswer::Set(next.version))
        };
        self.change(key, compare, deadline).await
    }
}
