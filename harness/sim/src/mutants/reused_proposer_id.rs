//! A restart under the old name with nothing remembered.

use super::{Definition, Flaw, faithful};
use crate::fault::{Fault, Trouble};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "reused-proposer-id",
    summary: "a restarted proposer takes its old id, and counts from 0",
    rules: faithful,
    flaw: Some(Flaw::ReusesId),
    bend,
};

/// Every proposer crashes now and then: 8 times within the first 80 ms.
fn bend(setup: &mut Setup) {
    let crash = |number: u64| Fault {
        at: number * 10_000_000,
        lasts: 1_000_000,
        what: Trouble::CrashProposer(1 + u32::from(number % 2 == 0) % setup.proposers),
    };
    let crashes: Vec<_> = (1..9).map(crash).collect();
    setup.faults.extend(crashes);
}
