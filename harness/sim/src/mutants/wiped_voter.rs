//! An acceptor that lost its memory and is taken for a fresh one.

use super::{Definition, Flaw, faithful};
use crate::fault::{Fault, Memory, Trouble};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "wiped-voter",
    summary: "an acceptor comes back empty and goes on voting",
    rules: faithful,
    flaw: Some(Flaw::VotesWithoutMemory),
    bend,
};

/// One acceptor after the other comes back empty.
fn bend(setup: &mut Setup) {
    let crash = |number: u32| Fault {
        at: u64::from(number) * 15_000_000,
        lasts: 2_000_000,
        what: Trouble::CrashAcceptor {
            acceptor: number % setup.acceptors + 1,
            memory: Memory::Wiped,
            silent: false,
        },
    };
    let crashes: Vec<_> = (1..6).map(crash).collect();
    setup.faults.extend(crashes);
}
