//! A register that is begun anew counts from one, and a version means two values.

use super::{Definition, deleting};
use crate::setup::Setup;
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "version-restarted",
    summary: "the versions of a key that was deleted and collected start again",
    rules: || Arc::new(VersionRestarted),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct VersionRestarted;

impl Rules for VersionRestarted {
    fn first_version(&self, _: u64) -> u64 {
        1
    }
}

/// Compare-and-set by version, on keys that come and go.
fn bend(setup: &mut Setup) {
    deleting(setup);
    setup.load.by_version = true;
}
