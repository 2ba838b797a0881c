//! What the exhaustive exploration compares key proposers by.

use super::KeyProposer;
use crate::AcceptorId;
use core::hash::{Hash, Hasher};

impl<C: Hash, V: Hash> KeyProposer<C, V> {
    /// What it knows of one acceptor.
    pub(crate) fn state(&self, acceptor: AcceptorId) -> Option<(bool, bool, bool)> {
        self.open.as_ref().map(|open| open.round.phase.state(acceptor))
    }

    /// What it knows beside that. The times do not matter, only what is awaited.
    pub(crate) fn fingerprint(&self, hasher: &mut impl Hasher) {
        (&self.waiting, self.retry.is_some(), self.open.is_some()).hash(hasher);
        if let Some(open) = &self.open {
            (&open.jobs, open.timeout.is_some()).hash(hasher);
            let round = &open.round;
            (round.ballot, round.next, round.seen, round.configuration.epoch()).hash(hasher);
            round.phase.fingerprint(hasher);
        }
    }
}
