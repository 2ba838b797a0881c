//! A promise that is given and not kept.

use super::{Definition, unbent};
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "promise-not-stored",
    summary: "an acceptor answers a prepare and forgets that it did",
    rules: || Arc::new(PromiseNotStored),
    flaw: None,
    bend: unbent,
};

#[derive(Debug)]
struct PromiseNotStored;

impl Rules for PromiseNotStored {
    fn stores_promise(&self) -> bool {
        false
    }
}
