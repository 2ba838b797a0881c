//! Seen in the wild: an error handler that makes a proposer start over.
//!
//! Acceptors refuse to promise a ballot twice, so two prepare quorums that meet never let a ballot
//! be used again: under majorities this fault is harmless, as it turned out here. It shows under
//! flexible quorums, where two prepare quorums may miss each other.

use super::{Definition, Flaw, faithful, prepare_quorums_apart};

pub(super) const DEFINITION: Definition = Definition {
    name: "counter-set-back",
    summary: "a proposer counts from 0 again after a transport error, and so takes ballots twice",
    rules: faithful,
    flaw: Some(Flaw::SetsCounterBack),
    bend: prepare_quorums_apart,
};
