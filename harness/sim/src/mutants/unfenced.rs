//! A proposer that missed a change of membership goes on as before.

use super::{Definition, replacing};
use crate::setup::Setup;
use caspaxos::{Rules, Stage};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "unfenced",
    summary: "acceptors take requests of earlier epochs than they were told of",
    rules: || Arc::new(Unfenced),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct Unfenced;

impl Rules for Unfenced {
    fn fences(&self, _: Stage) -> bool {
        false
    }
}

/// Proposers hear late of what has changed.
fn bend(setup: &mut Setup) {
    replacing(setup);
    if let Some(membership) = &mut setup.membership {
        membership.gossip = 200_000_000;
    }
}
