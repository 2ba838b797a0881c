//! A proposer takes what the first promise brings for the present value.

use super::{Definition, unbent};
use caspaxos::{Ballot, Rules};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "first-instead-of-highest",
    summary: "a proposer takes the value of the first promise, not of the highest accepted ballot",
    rules: || Arc::new(FirstInsteadOfHighest),
    flaw: None,
    bend: unbent,
};

#[derive(Debug)]
struct FirstInsteadOfHighest;

impl Rules for FirstInsteadOfHighest {
    fn outdoes(&self, newest: Option<Ballot>, _accepted: Ballot) -> bool {
        newest.is_none()
    }
}
