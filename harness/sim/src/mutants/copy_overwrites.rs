//! A copy that puts back what was there when it was made.

use super::{Definition, replacing};
use crate::setup::{Rescan, Setup};
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "copy-overwrites",
    summary: "a rescan by copy overwrites what has been written, and promised, since",
    rules: || Arc::new(CopyOverwrites),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct CopyOverwrites;

impl Rules for CopyOverwrites {
    fn keeps_newer_than_a_copy(&self) -> bool {
        false
    }
}

/// Hot keys are copied while they are written.
fn bend(setup: &mut Setup) {
    replacing(setup);
    (setup.load.keys, setup.load.think) = (2, 0);
    if let Some(membership) = &mut setup.membership {
        membership.rescan = Rescan::Copy;
    }
}
