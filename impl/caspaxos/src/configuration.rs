//! Who votes, and how many votes suffice.

use alloc::collections::BTreeSet;
use core::fmt;

/// Names one acceptor of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AcceptorId(pub u32);

/// Any `size` of the `members`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quorum {
    /// The acceptors that are asked.
    pub members: BTreeSet<AcceptorId>,
    /// How many of them must agree.
    pub size: usize,
}

/// Which acceptors prepare, which accept, and the quorums of each.
///
/// Every prepare quorum shares an acceptor with every accept quorum: that is what carries a
/// committed value from one round into the next (paper §2.2, "flexible quorums").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Configuration {
    epoch: u64,
    prepare: Quorum,
    accept: Quorum,
}

/// Why a configuration would not be safe, or could not do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationError {
    /// A quorum of none, or of more acceptors than there are.
    Size {
        /// The quorum's size.
        size: usize,
        /// How many acceptors there are.
        members: usize,
    },
    /// Some prepare quorum and some accept quorum share no acceptor.
    Disjoint,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { size, members } => {
                write!(f, "a quorum of {size} out of {members} acceptors cannot be had; allowed: 1 to {members}")
            }
            Self::Disjoint => f.write_str(
                "a prepare quorum and an accept quorum may share no acceptor; over the same acceptors their sizes must add up to more than there are",
            ),
        }
    }
}

impl core::error::Error for ConfigurationError {}

impl Quorum {
    /// Any `size` of `members`.
    pub fn of(size: usize, members: impl IntoIterator<Item = AcceptorId>) -> Self {
        Self { members: members.into_iter().collect(), size }
    }

    /// Whether these acceptors hold a quorum. Strangers among them do not count.
    #[must_use]
    pub fn met_by(&self, acceptors: &BTreeSet<AcceptorId>) -> bool {
        self.members.intersection(acceptors).count() >= self.size
    }

    fn check(&self) -> Result<(), ConfigurationError> {
        if self.size == 0 || self.size > self.members.len() {
            return Err(ConfigurationError::Size { size: self.size, members: self.members.len() });
        }
        Ok(())
    }

    /// Whether any quorum of these shares an acceptor with any of the others.
    #[must_use]
    pub fn always_meets(&self, other: &Self) -> bool {
        let shared = self.members.intersection(&other.members).count();
        self.forced_into(other) + other.forced_into(self) > shared
    }

    /// How many shared acceptors any of these quorums must use, when it takes as many as it can
    /// from those that `other` does not ask.
    fn forced_into(&self, other: &Self) -> usize {
        self.size.saturating_sub(self.members.difference(&other.members).count())
    }
}

impl Configuration {
    /// Both quorums are simple majorities of the same acceptors.
    ///
    /// # Errors
    /// [`ConfigurationError::Size`] when there are no acceptors.
    pub fn majority(
        members: impl IntoIterator<Item = AcceptorId>,
    ) -> Result<Self, ConfigurationError> {
        let members: BTreeSet<_> = members.into_iter().collect();
        let quorum = Quorum { size: members.len() / 2 + 1, members };
        Self::flexible(quorum.clone(), quorum)
    }

    /// Two quorums of their own, over the same acceptors or over different ones.
    ///
    /// # Errors
    /// [`ConfigurationError`] when a quorum cannot be had or the two may miss each other.
    pub fn flexible(prepare: Quorum, accept: Quorum) -> Result<Self, ConfigurationError> {
        prepare.check()?;
        accept.check()?;
        if !prepare.always_meets(&accept) {
            return Err(ConfigurationError::Disjoint);
        }
        Ok(Self { epoch: 0, prepare, accept })
    }

    /// The same in another epoch: the number of changes of membership that led to it.
    #[must_use]
    pub fn in_epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// How many changes of membership led here. Every message carries it.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether proposers may work under this one while others still work under `before`: what
    /// either commits, the other's prepare quorums see (paper §2.3).
    #[must_use]
    pub fn may_follow(&self, before: &Self) -> bool {
        self.prepare.always_meets(&before.accept) && before.prepare.always_meets(&self.accept)
    }

    /// Everyone who is asked for anything.
    #[must_use]
    pub fn members(&self) -> BTreeSet<AcceptorId> {
        self.prepare.members.union(&self.accept.members).copied().collect()
    }

    /// The same, with everyone's vote needed for an accept.
    pub(crate) fn wanting_all(&self) -> Self {
        let members = self.members();
        Self { accept: Quorum { size: members.len(), members }, ..self.clone() }
    }

    /// Whether without these acceptors no round of this configuration can get past its prepare, nor
    /// commit.
    #[must_use]
    pub fn is_blocked_by(&self, acceptors: &BTreeSet<AcceptorId>) -> bool {
        let blocks = |quorum: &Quorum| quorum.members.difference(acceptors).count() < quorum.size;
        blocks(&self.prepare) && blocks(&self.accept)
    }

    /// Two quorums that nobody checked: for the gallery of mutants.
    #[cfg(any(test, feature = "mutants"))]
    #[must_use]
    pub const fn unchecked(prepare: Quorum, accept: Quorum) -> Self {
        Self { epoch: 0, prepare, accept }
    }

    /// Who is asked for promises, and how many must give one.
    #[must_use]
    pub const fn prepare(&self) -> &Quorum {
        &self.prepare
    }

    /// Who is asked to accept, and how many must.
    #[must_use]
    pub const fn accept(&self) -> &Quorum {
        &self.accept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quorum(size: usize, members: impl IntoIterator<Item = u32>) -> Quorum {
        Quorum::of(size, members.into_iter().map(AcceptorId))
    }

    #[test]
    fn majorities_of_any_number_are_safe() {
        for n in 1..9 {
            let configuration = Configuration::majority((0..n).map(AcceptorId)).unwrap();
            assert_eq!(configuration.prepare().size, n as usize / 2 + 1);
        }
        assert_eq!(
            Configuration::majority([]),
            Err(ConfigurationError::Size { size: 1, members: 0 })
        );
    }

    #[test]
    fn growing_from_three_to_four_is_safe_only_with_the_larger_accept_quorum() {
        let old = quorum(2, 0..3);
        assert!(Configuration::flexible(old.clone(), quorum(3, 0..4)).is_ok());
        let careless = Configuration::flexible(old, quorum(2, 0..4));
        assert_eq!(careless, Err(ConfigurationError::Disjoint));
    }

    fn subsets(quorum: &Quorum) -> impl Iterator<Item = u32> {
        let mask = quorum.members.iter().fold(0_u32, |mask, a| mask | 1 << a.0);
        let size = quorum.size;
        (0_u32..64).filter(move |s| s & !mask == 0 && s.count_ones() as usize == size)
    }

    proptest! {
        /// The law itself, by looking at every pair of quorums.
        #[test]
        fn a_configuration_is_built_exactly_when_every_pair_of_quorums_meets(
            prepare in (1_usize..5, proptest::collection::btree_set(0_u32..6, 1..6)),
            accept in (1_usize..5, proptest::collection::btree_set(0_u32..6, 1..6)),
        ) {
            let prepare = quorum(prepare.0, prepare.1);
            let accept = quorum(accept.0, accept.1);
            prop_assume!(prepare.check().is_ok() && accept.check().is_ok());
            let meet = subsets(&prepare).all(|p| subsets(&accept).all(|a| p & a != 0));
            prop_assert_eq!(Configuration::flexible(prepare, accept).is_ok(), meet);
        }
    }
}
