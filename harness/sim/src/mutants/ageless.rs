//! What was collected leaves no trace, so an accept that comes late is as good as new.

use super::{Definition, deleting};
use caspaxos::{Ballot, Held, Rules};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "ageless",
    summary: "a tombstone is collected without raising any age",
    rules: || Arc::new(Ageless),
    flaw: None,
    bend: deleting,
};

#[derive(Debug)]
struct Ageless;

impl Rules for Ageless {
    fn aged(&self, held: u64, _: u64) -> u64 {
        held
    }

    fn collects(&self, held: Held, _: bool, tombstone: Ballot, _: u64) -> bool {
        held.accepted == tombstone
    }
}
