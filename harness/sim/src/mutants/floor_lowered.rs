//! Seen in the wild: the promise floor is whatever was said last.

use super::{Definition, deleting, late};
use crate::setup::Setup;
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "floor-lowered",
    summary: "a collection sets the promise floor, even to a lower one",
    rules: || Arc::new(AgeLowered),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct AgeLowered;

impl Rules for AgeLowered {
    fn raised_floor(&self, _: u64, told: u64) -> u64 {
        told
    }
}

/// A collection of one key that comes late makes an acceptor young again, so that it takes an accept
/// of another key that comes later still.
fn bend(setup: &mut Setup) {
    deleting(setup);
    late(setup);
    (setup.network.refused, setup.network.stray_by) = (0.0, 50_000_000);
    (setup.load.keys, setup.load.each, setup.load.deletes) = (6, 150, 0.8);
    setup.load.think = 12_000_000;
    (setup.proposers, setup.clients, setup.deadline) = (2, 6, 20_000_000);
}
