//! A client library with automatic retries under a protocol that counts on none.

use super::{Definition, Flaw, faithful};
use crate::setup::Setup;

pub(super) const DEFINITION: Definition = Definition {
    name: "accept-retried",
    summary: "the transport sends an accept again by itself when its connection breaks",
    rules: faithful,
    flaw: Some(Flaw::RetriesAccepts),
    bend,
};

fn bend(setup: &mut Setup) {
    setup.repeats = false;
}
