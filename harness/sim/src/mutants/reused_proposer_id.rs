//! A restart under the old name with nothing remembered.
//!
//! As with a counter that is set back, only prepare quorums that may miss each other let it show.

use super::{Definition, Flaw, TURN, TURNS, faithful, prepare_quorums_apart};
use crate::fault::{Fault, Trouble};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "reused-proposer-id",
    summary: "a restarted proposer takes its old id, and counts from 0",
    rules: faithful,
    flaw: Some(Flaw::ReusesId),
    bend,
};

/// The proposer crashes before it sees the first half, and again while it sees the second.
fn bend(setup: &mut Setup) {
    prepare_quorums_apart(setup);
    setup.load.think = 2_000_000;
    (setup.clients, setup.load.each) = (8, 150);
    let what = Trouble::CrashProposer(1);
    let crash = |number: u64| Fault {
        at: number * 3 * TURN / 2,
        lasts: 100_000,
        what: what.clone(),
    };
    setup.faults.extend((0..2 * TURNS).map(crash));
}
