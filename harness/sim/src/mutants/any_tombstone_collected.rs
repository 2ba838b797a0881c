//! Seen in the wild: the collection compares what is held, and not since when.

use super::{Definition, deleting, late};
use crate::setup::Setup;
use caspaxos::{Ballot, Ballots, Rules};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "any-tombstone-collected",
    summary: "an acceptor erases whatever tombstone it holds, under whatever ballot",
    rules: || Arc::new(AnyTombstoneCollected),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct AnyTombstoneCollected;

impl Rules for AnyTombstoneCollected {
    fn collects(&self, _: Ballots, dead: bool, _: Ballot, _: u64) -> bool {
        dead
    }
}

/// Messages are quick for the most part, and otherwise very late or never sent.
fn bend(setup: &mut Setup) {
    deleting(setup);
    late(setup);
    (setup.load.keys, setup.load.each, setup.clients) = (2, 150, 4);
}
