//! A log that is synced every second, on a machine that loses power.

use super::{Definition, Flaw, faithful};
use crate::fault::{Fault, Memory, Trouble};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "lost-tail",
    summary: "an acceptor comes back without its last moments and goes on voting",
    rules: faithful,
    flaw: Some(Flaw::VotesWithoutMemory),
    bend,
};

/// One acceptor after the other loses its last 20 ms.
fn bend(setup: &mut Setup) {
    let crash = |number: u32| Fault {
        at: u64::from(number) * 15_000_000,
        lasts: 2_000_000,
        what: Trouble::CrashAcceptor {
            acceptor: number % setup.acceptors + 1,
            memory: Memory::TailLost(20_000_000),
            silent: false,
        },
    };
    let crashes: Vec<_> = (1..6).map(crash).collect();
    setup.faults.extend(crashes);
}
