//! What travels between a proposer and an acceptor about one register.

use crate::{Ballot, Held};

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
}

/// What an acceptor answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reply<V> {
    /// The ballot is promised. This is what was accepted last.
    Promise {
        /// The ballot it was accepted under; [`Ballot::ZERO`] when nothing ever was.
        accepted: Ballot,
        /// The value.
        value: Option<V>,
    },
    /// The value is accepted and the next ballot promised.
    Accepted,
    /// The ballot of a prepare is too low; nothing has changed.
    Conflict(Held),
    /// The ballot of an accept is too low; nothing has changed. Told apart from [`Reply::Conflict`]
    /// because an accept may overtake its own prepare, which then meets what the accept left.
    Refused(Held),
}

/// Which of the two requests it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// [`Request::Prepare`].
    Prepare,
    /// [`Request::Accept`].
    Accept,
}

impl<V> Request<V> {
    /// Which of the two it is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Prepare { .. } => Stage::Prepare,
            Self::Accept { .. } => Stage::Accept,
        }
    }

    /// The ballot that it is sent under.
    #[must_use]
    pub const fn ballot(&self) -> Ballot {
        match self {
            Self::Prepare { ballot } | Self::Accept { ballot, .. } => *ballot,
        }
    }
}
