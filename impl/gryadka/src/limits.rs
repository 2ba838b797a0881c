//! How long keys and values may be.

use bytes::Bytes;
use std::fmt;

/// The longest keys and values that are taken, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest key; 1024 by default. The shortest is one byte.
    pub key: usize,
    /// The longest value; 16 MiB by default, 512 MiB at most, as Redis has it.
    pub value: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { key: 1024, value: 16 << 20 }
    }
}

/// A key or value that is not taken. Nothing has been done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLong {
    /// The key is empty or too long.
    Key {
        /// Its length in bytes.
        length: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// The value is too long.
    Value {
        /// Its length in bytes.
        length: usize,
        /// The longest allowed.
        limit: usize,
    },
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { length, limit } => {
                write!(f, "a key of {length} bytes; allowed: 1 to {limit}")
            }
            Self::Value { length, limit } => {
                write!(f, "a value of {length} bytes; allowed: up to {limit}")
            }
        }
    }
}

impl std::error::Error for TooLong {}

impl Limits {
    pub(crate) const fn key(&self, key: &[u8]) -> Result<(), TooLong> {
        let (length, limit) = (key.len(), self.key);
        if length == 0 || length > limit { Err(TooLong::Key { length, limit }) } else { Ok(()) }
    }

    pub(crate) fn value(&self, value: Option<&Bytes>) -> Result<(), TooLong> {
        let (length, limit) = (value.map_or(0, Bytes::len), self.value);
        if length > limit { Err(TooLong::Value { length, limit }) } else { Ok(()) }
    }
}
