//! Seen in the wild: the age is whatever was said last.

use super::{Definition, deleting};
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "age-lowered",
    summary: "a collection sets the age, even to a lower one",
    rules: || Arc::new(AgeLowered),
    flaw: None,
    bend: deleting,
};

#[derive(Debug)]
struct AgeLowered;

impl Rules for AgeLowered {
    fn aged(&self, _: u64, told: u64) -> u64 {
        told
    }
}
