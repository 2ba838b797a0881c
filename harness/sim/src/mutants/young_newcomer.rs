//! What is erased between a newcomer's joining and the end of the configuration before is older than
//! the newcomer knows. When those who do know have left, the register's life begins again.

use super::{Definition, Flaw, deleting, faithful, late, replacing};
use crate::setup::{Rescan, Setup};

pub(super) const DEFINITION: Definition = Definition {
    name: "young-newcomer",
    summary: "a newcomer takes the others' age when it joins, and nobody looks again when they can erase nothing more",
    rules: faithful,
    flaw: Some(Flaw::AsksAgesTooEarly),
    bend,
};

/// Keys are deleted and collected while everyone is replaced, and versions are compared.
fn bend(setup: &mut Setup) {
    deleting(setup);
    let (deletes, collections) = (setup.load.deletes, setup.collections);
    replacing(setup);
    late(setup);
    (setup.load.deletes, setup.collections) = (deletes, collections);
    setup.load.by_version = true;
    (setup.load.keys, setup.load.each) = (6, 120);
    setup.network.refused = 0.0;
    if let Some(membership) = &mut setup.membership {
        (membership.rescan, membership.pause) = (Rescan::Copy, 0);
    }
}
