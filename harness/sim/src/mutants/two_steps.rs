//! Two changes of the membership in one, whose quorums need not meet.

use super::{Definition, Flaw, faithful, replacing};

pub(super) const DEFINITION: Definition = Definition {
    name: "two-steps",
    summary: "two steps of the membership are taken at once",
    rules: faithful,
    flaw: Some(Flaw::TakesTwoSteps),
    bend: replacing,
};
