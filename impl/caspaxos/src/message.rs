//! What travels between a proposer and an acceptor about one register.

use crate::{Ballot, Ballots};

/// What a proposer asks of an acceptor. `None` is the empty register.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request<V> {
    /// Promise to refuse lower ballots, and say what you accepted last.
    Prepare {
        /// The ballot to promise.
        ballot: Ballot,
    },
    /// Accept this value, and promise the ballot of the proposer's next round with it.
    Accept {
        /// The ballot to accept under.
        ballot: Ballot,
        /// The value to accept.
        value: Option<V>,
        /// The ballot to promise; at least `ballot`. It saves the next round its prepare.
        promise: Ballot,
    },
    /// Say what you accepted last, and promise nothing: see [`crate::QuorumRead`].
    Read,
    /// Raise the promise floor, and erase the register if it still holds this tombstone: see
    /// [`crate::Collection`].
    Collect {
        /// The ballot that all acceptors accepted the tombstone under.
        tombstone: Ballot,
        /// The new promise floor: at least the tombstone's counter and its version.
        promise_floor: u64,
    },
}

/// What an acceptor answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reply<V> {
    /// The ballot is promised. This is what was accepted last.
    Promise {
        /// The acceptor's promise floor. Where it holds nothing, it may have erased what was accepted under
        /// ballots up to this counter, and nothing above.
        promise_floor: u64,
        /// The ballot it was accepted under; [`Ballot::ZERO`] when nothing ever was.
        accepted: Ballot,
        /// The value.
        value: Option<V>,
    },
    /// The value is accepted and the next ballot promised.
    Accepted,
    /// The ballot of a prepare is too low; nothing has changed.
    Conflict(Ballots),
    /// The ballot of an accept is too low; nothing has changed. Told apart from [`Reply::Conflict`]
    /// because an accept may overtake its own prepare, which then meets what the accept left.
    Refused(Ballots),
    /// What was accepted last: the answer to [`Request::Read`].
    Current {
        /// The ballot it was accepted under; [`Ballot::ZERO`] when nothing ever was.
        accepted: Ballot,
        /// The value.
        value: Option<V>,
    },
    /// The promise floor is raised. Whether the register was erased, too.
    Erased(bool),
}

/// Which request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// [`Request::Prepare`].
    Prepare,
    /// [`Request::Accept`].
    Accept,
    /// [`Request::Read`].
    Read,
    /// [`Request::Collect`].
    Collect,
}

impl<V> Request<V> {
    /// Which it is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Prepare { .. } => Stage::Prepare,
            Self::Accept { .. } => Stage::Accept,
            Self::Read => Stage::Read,
            Self::Collect { .. } => Stage::Collect,
        }
    }

    /// The ballot that it is sent under, or about; a read has none.
    #[must_use]
    pub const fn ballot(&self) -> Ballot {
        match self {
            Self::Prepare { ballot } | Self::Accept { ballot, .. } => *ballot,
            Self::Read => Ballot::ZERO,
            Self::Collect { tombstone, .. } => *tombstone,
        }
    }
}
