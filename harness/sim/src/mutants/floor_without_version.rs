//! A collection counts past the tombstone's ballot, and not past its version.

use super::{Definition, deleting};
use crate::setup::Setup;
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "floor-without-version",
    summary: "a collection raises the promise floor to the tombstone's ballot and not to its version",
    rules: || Arc::new(FloorWithoutVersion),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct FloorWithoutVersion;

impl Rules for FloorWithoutVersion {
    fn floor_of_collection(&self, counter: u64, _: u64) -> u64 {
        counter
    }
}

/// Versions run ahead of ballots where many changes share a round. One proposer serves all clients, and so is
/// never sent ahead by a conflict.
fn bend(setup: &mut Setup) {
    deleting(setup);
    (setup.proposers, setup.clients, setup.load.keys) = (1, 8, 1);
    (setup.load.think, setup.load.each) = (0, 60);
    setup.load.deletes = 0.3;
    setup.faults.clear();
}
