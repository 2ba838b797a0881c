//! Rules that can be broken on purpose, to show that the harness sees it.

use caspaxos::Faithful;
use gryadka::Rules;
use std::sync::Arc;
use workloads::{EnvironmentKind, Mutant, Proposers, Scenario};

/// A rule of proposers that are out of the harness's reach.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "mutant: {mutant} breaks a rule of the proposers, which are beyond the harness with {whereabouts}; use --proposers inside, and no --environment external"
)]
pub(crate) struct OutOfReach {
    mutant: Mutant,
    whereabouts: String,
}

/// Refuses a mutant that cannot be put in where the scenario has its proposers.
pub(crate) fn refuse_out_of_reach(scenario: &Scenario) -> Result<(), OutOfReach> {
    let of_proposers = |mutant: &Mutant| !matches!(mutant, Mutant::Unguarded | Mutant::Misaimed);
    let whereabouts = if scenario.environment == EnvironmentKind::External {
        String::from("--environment external")
    } else if scenario.proposers == Proposers::Inside {
        return Ok(());
    } else {
        format!("--proposers {}", scenario.proposers)
    };
    match scenario.mutant.filter(of_proposers) {
        Some(mutant) => Err(OutOfReach { mutant, whereabouts }),
        None => Ok(()),
    }
}

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
