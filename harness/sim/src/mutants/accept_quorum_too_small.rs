//! A proposer that reports success one vote too early.

use super::{Definition, faithful};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "accept-quorum-too-small",
    summary: "one vote too few is taken for a quorum",
    rules: faithful,
    flaw: None,
    bend,
};

fn bend(setup: &mut Setup) {
    setup.accept_quorum = setup.acceptors as usize - setup.prepare_quorum;
    if setup.accept_quorum == 0 {
        (setup.prepare_quorum, setup.accept_quorum) = (setup.acceptors as usize - 1, 1);
    }
    setup.unsafe_quorums = true;
}
