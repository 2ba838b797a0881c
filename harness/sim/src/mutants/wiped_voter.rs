//! An acceptor that lost its memory and is taken for a fresh one.

use super::{Definition, Flaw, crash_one_after_the_other, faithful};
use crate::fault::Memory;
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
    crash_one_after_the_other(setup, Memory::Wiped);
}
