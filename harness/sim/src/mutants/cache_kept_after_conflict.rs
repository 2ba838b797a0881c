//! A cached value outlives the conflict that proved it old.

use super::{Definition};
use crate::setup::Setup;
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "cache-kept-after-conflict",
    summary: "after a conflict a proposer counts past it and goes on from its cached value without asking",
    rules: || Arc::new(CacheKeptAfterConflict),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct CacheKeptAfterConflict;

impl Rules for CacheKeptAfterConflict {
    fn keeps_value_after_conflict(&self) -> bool {
        true
    }
}

fn bend(setup: &mut Setup) {
    setup.cache = setup.cache.max(8);
}
