//! Seen in the wild: the collection compares what is held, and not since when.

use super::{Definition, deleting};
use caspaxos::{Ballot, Held, Rules};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "any-tombstone-collected",
    summary: "an acceptor erases whatever tombstone it holds, under whatever ballot",
    rules: || Arc::new(AnyTombstoneCollected),
    flaw: None,
    bend: deleting,
};

#[derive(Debug)]
struct AnyTombstoneCollected;

impl Rules for AnyTombstoneCollected {
    fn collects(&self, _: Held, dead: bool, _: Ballot, _: u64) -> bool {
        dead
    }
}
