//! Combining that tells its callers before anybody has accepted what it tells.

use super::{Definition};
use crate::setup::Setup;
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "answered-early",
    summary: "of the changes that share a round, all but the last are answered before it ends",
    rules: || Arc::new(AnsweredEarly),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct AnsweredEarly;

impl Rules for AnsweredEarly {
    fn answers_after_the_round(&self) -> bool {
        false
    }
}

/// Many changes wait for few keys.
fn bend(setup: &mut Setup) {
    (setup.load.keys, setup.load.think) = (1, 0);
    setup.clients = setup.clients.max(6);
}
