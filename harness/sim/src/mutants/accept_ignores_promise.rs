//! An acceptor judges an accept by what it accepted alone.

use super::{Definition, unbent};
use caspaxos::{Ballot, Ballots, Rules};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "accept-ignores-promise",
    summary: "an acceptor accepts a ballot below the one that it has promised",
    rules: || Arc::new(AcceptIgnoresPromise),
    flaw: None,
    bend: unbent,
};

#[derive(Debug)]
struct AcceptIgnoresPromise;

impl Rules for AcceptIgnoresPromise {
    fn refuses_accept(&self, held: Ballots, ballot: Ballot) -> bool {
        held.accepted >= ballot
    }
}
