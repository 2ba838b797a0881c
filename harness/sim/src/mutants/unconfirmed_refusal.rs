//! The cached value is a guess; here it is given out as the truth.

use super::{Definition};
use crate::setup::Setup;
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "unconfirmed-refusal",
    summary: "reads and refusals are answered from the cache, which nobody confirmed",
    rules: || Arc::new(UnconfirmedRefusal),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct UnconfirmedRefusal;

impl Rules for UnconfirmedRefusal {
    fn confirms_unchanged(&self, from_cache: bool) -> bool {
        !from_cache
    }
}

fn bend(setup: &mut Setup) {
    setup.cache = setup.cache.max(8);
}
