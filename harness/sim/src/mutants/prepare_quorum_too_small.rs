//! A proposer that goes on one promise too early.

use super::{Definition, faithful};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "prepare-quorum-too-small",
    summary: "one promise too few is taken for a quorum",
    rules: faithful,
    flaw: None,
    bend,
};

fn bend(setup: &mut Setup) {
    setup.prepare_quorum = setup.acceptors as usize - setup.accept_quorum;
    if setup.prepare_quorum == 0 {
        (setup.prepare_quorum, setup.accept_quorum) = (1, setup.acceptors as usize - 1);
    }
    setup.unsafe_quorums = true;
}
