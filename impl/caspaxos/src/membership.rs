//! From one set of acceptors to another, by steps that are safe one after the other (paper §2.3).
//!
//! One acceptor is added or removed at a time. Two configurations that follow each other meet
//! crosswise ([`Configuration::may_follow`]), so a change that commits under the one is seen under
//! the other. That says nothing of two that are further apart: before the next step is taken, no
//! proposer may work under the one before any more, and what was committed under it must have been
//! committed again. So a step from `e` to `e + 1` is:
//!
//! 1. the newcomer joins, empty, and no younger than the others;
//! 2. the configuration is changed in the store itself, under `e`;
//! 3. acceptors are notified of `e + 1` until [`Configuration::is_blocked_by`] says that no proposer can
//!    get anything done under `e` any more;
//! 4. every key is committed again under `e + 1`, by an identity change;
//! 5. the step is noted in the store as settled.
//!
//! Each part may be done again, by another driver too. Where acceptors were notified of `e + 1` and the
//! store does not say that it is settled, parts 3 to 5 are done again.

use crate::{AcceptorId, Configuration, ConfigurationError, Quorum};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The configurations to go through, in order, from one to a simple majority of these acceptors. None
/// when it is that already. Acceptors are added before others are removed, in turn, so that a dead
/// one is replaced without fewer than before at any time.
///
/// # Errors
/// [`ConfigurationError::Size`] when there are no acceptors to go to.
pub fn plan(
    from: &Configuration,
    to: &BTreeSet<AcceptorId>,
) -> Result<Vec<Configuration>, ConfigurationError> {
    let mut steps = Vec::new();
    let mut members = from.members();
    Configuration::majority(to.iter().copied())?;
    let majority = Configuration::majority(members.iter().copied())?;
    if (majority.prepare(), majority.accept()) != (from.prepare(), from.accept()) {
        if !majority.may_follow(from) {
            steps.push(bridge(from)?);
        }
        steps.push(majority);
    }
    let mut joining = to.difference(&members).copied().collect::<Vec<_>>().into_iter();
    let mut leaving = members.difference(to).copied().collect::<Vec<_>>().into_iter();
    loop {
        let (joins, leaves) = (joining.next(), leaving.next());
        if joins.is_none() && leaves.is_none() {
            break;
        }
        if let Some(joins) = joins {
            members.insert(joins);
            steps.push(Configuration::majority(members.iter().copied())?);
        }
        if let Some(leaves) = leaves {
            members.remove(&leaves);
            steps.push(Configuration::majority(members.iter().copied())?);
        }
    }
    let epochs = from.epoch() + 1..;
    Ok(epochs.zip(steps).map(|(epoch, step)| step.in_epoch(epoch)).collect())
}

/// Quorums over the acceptors of `from`, large enough to meet both its quorums and majorities.
fn bridge(from: &Configuration) -> Result<Configuration, ConfigurationError> {
    let members = from.members();
    let meeting = |other: &Quorum| {
        let sizes = members.len() / 2 + 1..=members.len();
        let mut quorums = sizes.map(|size| Quorum { size, members: members.clone() });
        // All of them meet whatever there is.
        quorums.find(|quorum| quorum.always_meets(other)).ok_or(ConfigurationError::Disjoint)
    };
    Configuration::flexible(meeting(from.accept())?, meeting(from.prepare())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::String;

    fn ids(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<AcceptorId> {
        numbers.into_iter().map(AcceptorId).collect()
    }

    fn spelt(from: &Configuration, to: impl IntoIterator<Item = u32>) -> Vec<String> {
        let spell = |step: &Configuration| {
            let members: Vec<_> = step.members().iter().map(|id| id.0).collect();
            let (prepare, accept) = (step.prepare().size, step.accept().size);
            format!("{}: {prepare} and {accept} of {members:?}", step.epoch())
        };
        plan(from, &ids(to)).unwrap().iter().map(spell).collect()
    }

    #[test]
    fn acceptors_come_before_others_leave() {
        let from = Configuration::majority(ids(1..=3)).unwrap().in_epoch(7);
        assert_eq!(
            spelt(&from, [2, 3, 4]),
            ["8: 3 and 3 of [1, 2, 3, 4]", "9: 2 and 2 of [2, 3, 4]"]
        );
        assert_eq!(
            spelt(&from, 1..=5),
            ["8: 3 and 3 of [1, 2, 3, 4]", "9: 3 and 3 of [1, 2, 3, 4, 5]"]
        );
        assert!(spelt(&from, 1..=3).is_empty());
        assert!(plan(&from, &BTreeSet::new()).is_err());
    }

    #[test]
    fn quorums_of_their_own_become_majorities_first() {
        let quorum = |size| Quorum { size, members: ids(1..=3) };
        let from = Configuration::flexible(quorum(3), quorum(1)).unwrap();
        assert_eq!(spelt(&from, 1..=3), ["1: 3 and 2 of [1, 2, 3]", "2: 2 and 2 of [1, 2, 3]"]);
    }

    fn any_configuration() -> impl Strategy<Value = Configuration> {
        let quorum = || (1_usize..6, proptest::collection::btree_set(0_u32..7, 1..6));
        (quorum(), quorum()).prop_filter_map("quorums must meet", |(prepare, accept)| {
            let quorum =
                |(size, members): (usize, BTreeSet<u32>)| Quorum { size, members: ids(members) };
            Configuration::flexible(quorum(prepare), quorum(accept)).ok()
        })
    }

    proptest! {
        /// Each step may follow the one before, changes at most one acceptor, and the last one
        /// is where it was to go.
        #[test]
        fn a_plan_is_safe_step_by_step_and_gets_there(
            from in any_configuration(),
            to in proptest::collection::btree_set(0_u32..9, 1..7),
        ) {
            let to = ids(to);
            let mut before = from;
            for step in plan(&before, &to).unwrap() {
                prop_assert!(step.may_follow(&before));
                prop_assert_eq!(step.epoch(), before.epoch() + 1);
                let moved = step.members().symmetric_difference(&before.members()).count();
                prop_assert!(moved <= 1);
                before = step;
            }
            let last = Configuration::majority(to).unwrap().in_epoch(before.epoch());
            prop_assert_eq!(before, last);
        }
    }
}
