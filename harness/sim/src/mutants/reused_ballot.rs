//! What the published implementation does: an incomplete accept does not burn its ballot.

use super::{Definition, unbent};
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "reused-ballot",
    summary: "goes on under the ballot of an accept that did not end in a quorum, unless it saw a conflict",
    rules: || Arc::new(ReusedBallot),
    flaw: None,
    bend: unbent,
};

#[derive(Debug)]
struct ReusedBallot;

impl Rules for ReusedBallot {
    fn keeps_ballot_of_incomplete_accept(&self, saw_conflict: bool) -> bool {
        !saw_conflict
    }
}
