//! What a read answers under a wrong rule.

use super::{QuorumRead, ReadOutcome};
use alloc::collections::BTreeSet;

impl<V: Clone> QuorumRead<V> {
    /// What the highest ballot of a prepare quorum says, committed or not.
    pub(super) fn newest(&self) -> Option<ReadOutcome<V>> {
        let by: BTreeSet<_> =
            self.found.iter().flat_map(|found| found.by.iter().copied()).collect();
        if self.configuration.prepare().met_by(&by) {
            let newest = self.found.iter().max_by_key(|found| found.accepted);
            return Some(ReadOutcome::of(newest.and_then(|found| found.value.clone())));
        }
        self.waiting.is_empty().then_some(ReadOutcome::Inconclusive)
    }
}
