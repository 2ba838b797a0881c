//! How long keys and values may be.

use crate::wire::LONGEST_HEADER;
use bytes::Bytes;
use std::fmt;

/// The longest keys and values that are taken, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest key; 1024 by default, [`Self::LONGEST_KEY`] at most. The shortest is one byte.
    pub key: usize,
    /// The longest value; 16 MiB by default, [`Self::LONGEST_VALUE`] at most.
    pub value: usize,
}

/// The longest string that Redis takes, unless it is configured otherwise (`proto-max-bulk-len`).
const LONGEST_STRING: usize = 512 << 20;
/// What acceptors may put before a key: a prefix, and one byte for the kind of key.
const LONGEST_PREFIX: usize = 1 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self { key: 1024, value: 16 << 20 }
    }
}

/// Limits that no acceptor could keep to: Redis would break the connection at every longer value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitsError {
    /// The limit of keys.
    Key(usize),
    /// The limit of values.
    Value(usize),
}

impl fmt::Display for LimitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(limit) => {
                let longest = Limits::LONGEST_KEY;
                write!(f, "keys of {limit} bytes cannot be stored: Redis takes up to {longest}")
            }
            Self::Value(limit) => {
                let longest = Limits::LONGEST_VALUE;
                write!(
                    f,
                    "values of {limit} bytes cannot be stored: Redis takes up to {longest} beside what is \
                     stored with a value"
                )
            }
        }
    }
}

impl std::error::Error for LimitsError {}

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
    /// The longest key that fits into a string of Redis, with the acceptor's prefix.
    pub const LONGEST_KEY: usize = LONGEST_STRING - LONGEST_PREFIX;
    /// The longest value that fits into a string of Redis, with the ballots and the lineage that are
    /// stored before it.
    pub const LONGEST_VALUE: usize = LONGEST_STRING - LONGEST_HEADER;

    /// Refuses limits that no acceptor could keep to.
    ///
    /// # Errors
    /// [`LimitsError::Key`] and [`LimitsError::Value`].
    pub const fn check(&self) -> Result<(), LimitsError> {
        if self.key > Self::LONGEST_KEY {
            Err(LimitsError::Key(self.key))
        } else if self.value > Self::LONGEST_VALUE {
            Err(LimitsError::Value(self.value))
        } else {
            Ok(())
        }
    }

    pub(crate) const fn key(&self, key: &[u8]) -> Result<(), TooLong> {
        let (length, limit) = (key.len(), self.key);
        if length == 0 || length > limit { Err(TooLong::Key { length, limit }) } else { Ok(()) }
    }

    pub(crate) fn value(&self, value: Option<&Bytes>) -> Result<(), TooLong> {
        let (length, limit) = (value.map_or(0, Bytes::len), self.value);
        if length > limit { Err(TooLong::Value { length, limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, VersionedValue};
    use caspaxos::{Ballot, Lineage, ProposerId};

    /// 512 MiB exceeded it by the header, and Redis broke the connection at every retry.
    #[test]
    fn the_longest_value_fits_into_a_string_of_redis_with_the_longest_header() {
        let ballot = |counter| Ballot { counter, proposer: ProposerId(1) };
        let lineage = Lineage::of((1..=100).map(ballot).collect());
        let value = |length| {
            let value = Some(Bytes::from(vec![0; length]));
            Some(VersionedValue { version: 1, value, lineage: lineage.clone() })
        };
        let mut written = Vec::new();
        let (ballot, promise) = (ballot(101), ballot(102));
        let request = Request::Accept { ballot, value: value(1000), promise };
        crate::wire::write_request(&mut written, &request);
        assert_eq!(written.len() - 1000 + Limits::LONGEST_VALUE, LONGEST_STRING);
    }

    #[test]
    fn limits_that_no_acceptor_could_keep_to_are_refused() {
        let longest = Limits { key: Limits::LONGEST_KEY, value: Limits::LONGEST_VALUE };
        assert_eq!(longest.check(), Ok(()));
        let wrong = Limits { value: 512 << 20, ..Limits::default() }.check().unwrap_err();
        insta::assert_snapshot!(wrong, @"values of 536870912 bytes cannot be stored: Redis takes up to 536870742 beside what is stored with a value");
        let wrong = Limits { key: 512 << 20, ..Limits::default() }.check().unwrap_err();
        insta::assert_snapshot!(wrong, @"keys of 536870912 bytes cannot be stored: Redis takes up to 536869888");
    }
}
