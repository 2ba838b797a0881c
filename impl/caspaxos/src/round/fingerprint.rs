//! What the exhaustive exploration compares rounds by.

use super::{Phase, Stage};
use crate::AcceptorId;
use core::hash::{Hash, Hasher};

impl<V: Hash> Phase<V> {
    /// Which replies it waits for.
    pub(crate) const fn stage(&self) -> Stage {
        match self {
            Self::Preparing(_) => Stage::Prepare,
            Self::Accepting(_) | Self::Idle => Stage::Accept,
        }
    }

    /// What the phase knows of one acceptor.
    pub(crate) fn state(&self, acceptor: AcceptorId) -> (bool, bool, bool) {
        match self {
            Self::Preparing(prepare) => (prepare.waiting.contains(&acceptor), false, false),
            Self::Accepting(accept) => (
                accept.waiting.contains(&acceptor),
                accept.accepted.contains(&acceptor),
                accept.unsure.contains(&acceptor),
            ),
            Self::Idle => (false, false, false),
        }
    }

    /// What the phase knows beside that.
    pub(crate) fn fingerprint(&self, hasher: &mut impl Hasher) {
        core::mem::discriminant(self).hash(hasher);
        match self {
            Self::Preparing(prepare) => {
                (prepare.promises, prepare.conflicts, prepare.floor, &prepare.newest).hash(hasher);
            }
            Self::Accepting(accept) => {
                (&accept.present, &accept.value, accept.keeps, accept.conflicts).hash(hasher);
            }
            Self::Idle => {}
        }
    }
}
