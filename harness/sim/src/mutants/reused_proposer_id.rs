//! A restart under the old name with nothing remembered.
//!
//! As with a counter that is set back, only prepare quorums that may miss each other let it show.

use super::{Definition, Flaw, faithful, prepare_quorums_apart};
use crate::fault::{Fault, Trouble};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "reused-proposer-id",
    summary: "a restarted proposer takes its old id, and counts from 0",
    rules: faithful,
    flaw: Some(Flaw::ReusesId),
    bend,
};

/// The proposer crashes every 4 ms, 50 times.
fn bend(setup: &mut Setup) {
    prepare_quorums_apart(setup);
    let what = Trouble::CrashProposer(1);
    let crash = |number: u64| Fault { at: number * 4_000_000, lasts: 200_000, what: what.clone() };
    setup.faults = (1..=50).map(crash).collect();
}
