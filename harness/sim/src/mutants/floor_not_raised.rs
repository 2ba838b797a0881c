//! What was collected leaves no trace, so an accept that comes late is as good as new.

use super::{Definition, deleting};
use caspaxos::{Ballot, Ballots, Rules};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "floor-not-raised",
    summary: "a tombstone is collected without raising any promise floor",
    rules: || Arc::new(Ageless),
    flaw: None,
    bend: deleting,
};

#[derive(Debug)]
struct Ageless;

impl Rules for Ageless {
    fn raised_floor(&self, held: u64, _: u64) -> u64 {
        held
    }

    fn collects(&self, held: Ballots, _: bool, tombstone: Ballot, _: u64) -> bool {
        held.accepted == tombstone
    }
}
