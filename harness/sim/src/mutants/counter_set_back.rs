//! Seen in the wild: an error handler that makes a proposer start over.

use super::{Definition, Flaw, faithful, unbent};

pub(super) const DEFINITION: Definition = Definition {
    name: "counter-set-back",
    summary: "a proposer counts from 0 again after a transport error, and so takes ballots twice",
    rules: faithful,
    flaw: Some(Flaw::SetsCounterBack),
    bend: unbent,
};
