//! What the exhaustive exploration compares collections by.

use super::{Collection, Phase};
use crate::{AcceptorId, Ballot, Stage};
use core::hash::{Hash, Hasher};

impl<V: Hash> Collection<V> {
    /// Under which ballot it waits, and for which replies.
    pub(crate) const fn stage(&self) -> Option<(Ballot, Stage)> {
        match &self.phase {
            Phase::Confirming { round, .. } => Some((round.ballot, round.phase.stage())),
            Phase::Erasing { ballot, .. } => Some((*ballot, Stage::Collect)),
            Phase::Over => None,
        }
    }

    /// What it knows of one acceptor.
    pub(crate) fn state(&self, acceptor: AcceptorId) -> (bool, bool, bool) {
        match &self.phase {
            Phase::Confirming { round, .. } => round.phase.state(acceptor),
            Phase::Erasing { waiting, .. } => (waiting.contains(&acceptor), false, false),
            Phase::Over => (false, false, false),
        }
    }

    /// What it knows beside that.
    pub(crate) fn fingerprint(&self, hasher: &mut impl Hasher) {
        (self.stage().map(|(ballot, _)| ballot), core::mem::discriminant(&self.phase)).hash(hasher);
        match &self.phase {
            Phase::Confirming { round, tombstone } => {
                tombstone.hash(hasher);
                round.phase.fingerprint(hasher);
            }
            Phase::Erasing { lost, .. } => lost.hash(hasher),
            Phase::Over => {}
        }
    }
}
