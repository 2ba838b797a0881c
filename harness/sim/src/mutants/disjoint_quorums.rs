//! Half of the acceptors is not a majority of them.

use super::{Definition, faithful};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "disjoint-quorums",
    summary: "an even number of acceptors, and half of them taken for a quorum",
    rules: faithful,
    flaw: None,
    bend,
};

fn bend(setup: &mut Setup) {
    setup.acceptors = setup.acceptors.next_multiple_of(2);
    let half = setup.acceptors as usize / 2;
    (setup.prepare_quorum, setup.accept_quorum) = (half, half);
    setup.unsafe_quorums = true;
}
