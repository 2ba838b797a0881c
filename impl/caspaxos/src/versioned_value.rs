//! What a register holds: a value, how often it has changed, and whose changes led to it.

use crate::{Ballot, ProposerId};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The content of a register. A deleted one is kept, as a tombstone, until it is collected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionedValue<V> {
    /// Grows with every change; 0 in a register that was looked at and held nothing. The first version of
    /// a register that holds nothing is its ballot's counter, which is above every version that a
    /// collected tombstone had: see [`crate::Member`].
    pub version: u64,
    /// The value; `None` in a tombstone.
    pub value: Option<V>,
    /// Whose changes led here.
    pub lineage: Lineage,
}

impl<V> VersionedValue<V> {
    /// What a register holds that a quorum was found to hold nothing of.
    #[must_use]
    pub fn nothing_since(mark: Ballot) -> Self {
        Self { version: 0, value: None, lineage: Lineage::since(mark) }
    }
}

/// The last ballot of each proposer among the ancestors of a value, oldest first: a version vector of its
/// writers, bounded to [`Self::LONGEST`] entries.
///
/// A proposer whose accept did not end in a quorum cannot tell from ballots alone whether a value
/// that came later was derived from its own. Here it can look it up. What it finds is certain once
/// a later round has committed on top of it: a committed value has one line of ancestors.
///
/// **What is missing.** A register may have been written, deleted and collected before. Its next lineage
/// begins with a *mark*, an entry of no proposer: what is not listed, and is not above the mark, is not known.
/// The mark stands at the highest promise floor of the prepare quorum that found nothing. That is enough:
/// let a value of ballot `e` have been committed with a ballot `d` among its ancestors (`d` ≤ `e`), and let a
/// later prepare quorum find nothing. The two quorums share an acceptor. It accepted `e`, shows nothing, and so
/// has erased in between what it held: a tombstone of a ballot of at least `e`. In the same step it raised its
/// floor to at least that ballot's counter ([`crate::Member`]). So the floor is at least the counter of `d`;
/// a ballot of a counter above the mark led to nothing that was ever committed and collected. Over a change of
/// membership the floors of the acceptors that left are inherited before the next step is taken
/// ([`crate::plan`]), and a register that is listed carries its mark with it: whatever a round commits, if only
/// to answer that there is nothing, is committed with its lineage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Lineage(Arc<[Ballot]>);

/// Whether one of several rounds of a proposer led to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ancestry {
    /// This ballot of it did, and no later one of it.
    Included(Ballot),
    /// None of those asked for did.
    NotIncluded,
    /// It cannot be told: so many others have written since, or the register may have been collected since.
    Unknown,
}

impl Lineage {
    /// How many proposers are remembered.
    pub const LONGEST: usize = 8;

    /// The lineage of these ballots, oldest first, as it was stored. Of more than
    /// [`Self::LONGEST`] the newest are kept.
    #[must_use]
    pub fn of(mut ballots: Vec<Ballot>) -> Self {
        let surplus = ballots.len().saturating_sub(Self::LONGEST);
        ballots.drain(..surplus);
        Self(ballots.into())
    }

    /// The lineage of a register that holds nothing, with this mark: see [`Ballot::at_floor`].
    #[must_use]
    pub fn since(mark: Ballot) -> Self {
        Self([mark].into())
    }

    /// The ballots, oldest first.
    #[must_use]
    pub fn ballots(&self) -> &[Ballot] {
        &self.0
    }

    /// Notes that a change under this ballot comes next.
    pub fn extend(&mut self, ballot: Ballot) {
        let others = self.0.iter().copied().filter(|earlier| earlier.proposer != ballot.proposer);
        *self = Self::of(others.chain([ballot]).collect());
    }

    /// Whether a proposer's round at or after `first` is among the ancestors.
    #[must_use]
    pub fn ancestry(&self, proposer: ProposerId, first: Ballot) -> Ancestry {
        match self.0.iter().find(|ballot| ballot.proposer == proposer) {
            Some(&ballot) if ballot >= first => Ancestry::Included(ballot),
            Some(_) => Ancestry::NotIncluded,
            // What is missing is older than the oldest: it was pushed out, or came before the mark.
            None if self.0.first().is_some_and(|oldest| *oldest < first) => Ancestry::NotIncluded,
            None => Ancestry::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(counter: u64, proposer: u64) -> Ballot {
        Ballot { counter, proposer: ProposerId(proposer) }
    }

    #[test]
    fn a_proposer_finds_its_own_last_change_and_no_earlier_one() {
        let mut lineage = Lineage::since(Ballot::ZERO);
        lineage.extend(ballot(1, 7));
        lineage.extend(ballot(2, 8));
        lineage.extend(ballot(5, 7));
        let seven = |first| lineage.ancestry(ProposerId(7), ballot(first, 7));
        assert_eq!(seven(1), Ancestry::Included(ballot(5, 7)));
        assert_eq!(seven(6), Ancestry::NotIncluded);
        assert_eq!(lineage.ancestry(ProposerId(9), ballot(1, 9)), Ancestry::NotIncluded);
    }

    #[test]
    fn what_came_before_a_register_was_written_anew_is_not_said_to_be_absent() {
        let mut lineage = Lineage::since(Ballot::at_floor(4));
        lineage.extend(ballot(5, 8));
        let seven = |first| lineage.ancestry(ProposerId(7), ballot(first, 7));
        assert_eq!(seven(4), Ancestry::Unknown);
        assert_eq!(seven(5), Ancestry::NotIncluded, "what was collected had a lower counter");
    }

    #[test]
    fn where_nothing_was_ever_collected_nothing_is_forgotten() {
        let lineage = Lineage::since(Ballot::at_floor(0));
        assert_eq!(lineage.ancestry(ProposerId(7), ballot(1, 7)), Ancestry::NotIncluded);
    }

    #[test]
    fn what_may_have_been_forgotten_is_not_said_to_be_absent() {
        let mut lineage = Lineage::since(Ballot::ZERO);
        lineage.extend(ballot(10, 1));
        for other in 2..=8 {
            lineage.extend(ballot(other * 10, other));
        }
        let one = |lineage: &Lineage| lineage.ancestry(ProposerId(1), ballot(10, 1));
        assert_eq!(one(&lineage), Ancestry::Included(ballot(10, 1)));
        lineage.extend(ballot(90, 9));
        assert_eq!(one(&lineage), Ancestry::Unknown);
        // A later doubt would still be remembered.
        assert_eq!(lineage.ancestry(ProposerId(1), ballot(25, 1)), Ancestry::NotIncluded);
    }
}
