//! A log that is synced every second, on a machine that loses power.

use super::{Definition, Flaw, crash_one_after_the_other, faithful};
use crate::fault::Memory;
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
    crash_one_after_the_other(setup, Memory::TailLost(20_000_000));
}
