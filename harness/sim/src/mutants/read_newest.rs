//! A read that believes the highest ballot, whether it is committed or not.

use super::{Definition};
use crate::setup::Setup;
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "read-newest",
    summary: "a read without a round answers the highest ballot of a quorum, not only one that all of it hold",
    rules: || Arc::new(ReadNewest),
    flaw: None,
    bend,
};

#[derive(Debug)]
struct ReadNewest;

impl Rules for ReadNewest {
    fn reads_one_ballot(&self) -> bool {
        false
    }
}

fn bend(setup: &mut Setup) {
    setup.load.quorum_reads = 1.0;
}
