//! Rules that can be broken on purpose, to show that the harness sees it.

use caspaxos::Faithful;
use gryadka::Rules;
use std::sync::Arc;
use workloads::Mutant;

/// The rules of a mutant.
pub(crate) fn rules(mutant: Mutant) -> Arc<dyn Rules> {
    match mutant {
        Mutant::ReusedBallot => Arc::new(ReusedBallot),
        Mutant::DoubtRepeated => Arc::new(DoubtRepeated),
        Mutant::ReadNewest => Arc::new(ReadNewest),
        Mutant::AnsweredEarly => Arc::new(AnsweredEarly),
        // These break the acceptors' guard and the nemesis, not a proposer.
        Mutant::Unguarded | Mutant::Misaimed => Arc::new(Faithful),
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

#[derive(Debug)]
struct DoubtRepeated;

impl Rules for DoubtRepeated {
    fn looks_for_doubtful_changes(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct ReadNewest;

impl Rules for ReadNewest {
    fn reads_one_ballot(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct AnsweredEarly;

impl Rules for AnsweredEarly {
    fn answers_after_the_round(&self) -> bool {
        false
    }
}
