//! A retry that does not ask whether the first try has happened.

use super::{Definition, unbent};
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "doubt-repeated",
    summary: "a change whose round ended in doubt is applied again without looking whether it has happened",
    rules: || Arc::new(DoubtRepeated),
    flaw: None,
    bend: unbent,
};

#[derive(Debug)]
struct DoubtRepeated;

impl Rules for DoubtRepeated {
    fn looks_for_doubtful_changes(&self) -> bool {
        false
    }
}
