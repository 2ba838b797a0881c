//! An acceptor judges a prepare by what it accepted alone.

use super::{Definition, unbent};
use caspaxos::{Ballot, Ballots, Rules};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "prepare-ignores-promise",
    summary: "an acceptor promises a ballot below the one that it has promised already",
    rules: || Arc::new(PrepareIgnoresPromise),
    flaw: None,
    bend: unbent,
};

#[derive(Debug)]
struct PrepareIgnoresPromise;

impl Rules for PrepareIgnoresPromise {
    fn refuses_prepare(&self, held: Ballots, ballot: Ballot) -> bool {
        held.accepted >= ballot
    }
}
