//! An older value rises again from an acceptor that never saw the tombstone.

use super::{Definition, deleting};
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "collected-early",
    summary: "a tombstone is collected as soon as a quorum has accepted it",
    rules: || Arc::new(CollectedEarly),
    flaw: None,
    bend: deleting,
};

#[derive(Debug)]
struct CollectedEarly;

impl Rules for CollectedEarly {
    fn collects_what_all_hold(&self) -> bool {
        false
    }
}
