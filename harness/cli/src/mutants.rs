//! Rules that can be broken on purpose, to show that the harness sees it.

use gryadka::Rules;
use std::sync::Arc;
use workloads::Mutant;

/// The rules of a mutant.
pub(crate) fn rules(mutant: Mutant) -> Arc<dyn Rules> {
    match mutant {
        Mutant::ReusedBallot => Arc::new(ReusedBallot),
    }
}

/// Goes on under the ballot of an accept that did not end in a quorum, unless it saw a conflict:
/// what the published implementation does.
#[derive(Debug)]
struct ReusedBallot;

impl Rules for ReusedBallot {
    fn keeps_ballot_of_incomplete_accept(&self, saw_conflict: bool) -> bool {
        !saw_conflict
    }
}
