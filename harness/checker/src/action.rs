//! What an operation does to an object, as the search sees it.

use crate::space::Space;

/// What an object holds, packed into one number so that comparing two is one instruction.
///
/// | model | the number |
/// |---|---|
/// | register, cas-register | number of the value |
/// | versioned-cas | version in the upper half, number of the value in the lower |
/// | counter | the total, two's complement |
/// | append, kv-append | node of the tree of contents |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State(u64);

impl State {
    pub(crate) fn value(number: u32) -> Self {
        Self(u64::from(number))
    }

    pub(crate) fn versioned(version: u32, value: u32) -> Self {
        Self(u64::from(version) << 32 | u64::from(value))
    }

    pub(crate) fn total(total: i64) -> Self {
        Self(total.cast_unsigned())
    }

    pub(crate) fn node(node: u32) -> Self {
        Self(u64::from(node))
    }

    /// The number of the value, or of the node: the lower half.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
    pub(crate) fn low(self) -> u32 {
        self.0 as u32
    }

    pub(crate) fn version(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }

    pub(crate) fn as_total(self) -> i64 {
        self.0.cast_signed()
    }
}

/// What an operation does, or demands to see. Two equal actions are interchangeable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Action {
    /// Sees exactly this state.
    Read(State),
    /// Sees any state but this: a refused CAS of the strict reading.
    Unlike(State),
    /// Sees any version but this: the same, where CAS compares versions.
    UnlikeVersion(u32),
    /// Sets the state, whatever it was.
    Write(State),
    /// Sees `from` and leaves `to`.
    Cas { from: State, to: State },
    /// Sets the value under the next version, which was told or not.
    WriteNext { value: u32, version: Option<u32> },
    /// Sees `expected` and sets the value under the next version, which was told or not.
    CasNext { expected: u32, value: u32, version: Option<u32> },
    /// Adds to the total; the new one was told or not.
    Add { amount: i64, total: Option<i64> },
    /// Appends the suffix of this number; the new content was told or not.
    Append { suffix: u32, result: Option<State> },
}

impl Action {
    /// The state it leaves, if it can happen at `state` at all.
    pub(crate) fn step(self, state: State, space: &mut Space) -> Option<State> {
        match self {
            Self::Read(seen) => (state == seen).then_some(state),
            Self::Unlike(other) => (state != other).then_some(state),
            Self::UnlikeVersion(other) => (state.version() != other).then_some(state),
            Self::Write(to) => Some(to),
            Self::Cas { from, to } => (state == from).then_some(to),
            Self::WriteNext { value, version } => {
                let next = state.version().checked_add(1)?;
                let told = version.is_none_or(|version| version == next);
                told.then(|| State::versioned(next, value))
            }
            Self::CasNext { expected, value, version } => {
                let next = expected.checked_add(1)?;
                let told = version.is_none_or(|version| version == next);
                (told && state.version() == expected).then(|| State::versioned(next, value))
            }
            Self::Add { amount, total } => {
                let next = state.as_total().checked_add(amount)?;
                total.is_none_or(|total| total == next).then(|| State::total(next))
            }
            Self::Append { suffix, result } => {
                let next = space.appended(state, suffix);
                result.is_none_or(|result| result == next).then_some(next)
            }
        }
    }

    /// It leaves every state as it was.
    pub(crate) fn is_read(self) -> bool {
        matches!(self, Self::Read(_) | Self::Unlike(_) | Self::UnlikeVersion(_))
    }

    /// It is a refused CAS of the strict reading.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Unlike(_) | Self::UnlikeVersion(_))
    }

    /// There are states at which it cannot happen.
    pub(crate) fn demands(self) -> bool {
        match self {
            Self::Read(_) | Self::Unlike(_) | Self::UnlikeVersion(_) => true,
            Self::Cas { .. } | Self::CasNext { .. } => true,
            Self::Write(_) => false,
            Self::WriteNext { version, .. } => version.is_some(),
            Self::Add { total, .. } => total.is_some(),
            Self::Append { result, .. } => result.is_some(),
        }
    }

    /// The same call when nobody learnt how it ended.
    pub(crate) fn unanswered(self) -> Self {
        match self {
            Self::WriteNext { value, .. } => Self::WriteNext { value, version: None },
            Self::CasNext { expected, value, .. } => {
                Self::CasNext { expected, value, version: None }
            }
            Self::Add { amount, .. } => Self::Add { amount, total: None },
            Self::Append { suffix, .. } => Self::Append { suffix, result: None },
            Self::Read(_) | Self::Unlike(_) | Self::UnlikeVersion(_) => self,
            Self::Write(_) | Self::Cas { .. } => self,
        }
    }
}
