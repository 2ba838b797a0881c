//! Safe, but a change that meets a conflict ends in doubt again and again.

use super::{Definition, unbent};
use caspaxos::{Ballot, Lineage, Rules};
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "lineage-forgotten",
    summary: "a value that is put keeps nothing of the lineage of the one before it",
    rules: || Arc::new(LineageForgotten),
    flaw: None,
    bend: unbent,
};

#[derive(Debug)]
struct LineageForgotten;

impl Rules for LineageForgotten {
    fn lineage_of_put(&self, _: &Lineage, ballot: Ballot) -> Lineage {
        let mut lineage = Lineage::since(ballot);
        lineage.extend(ballot);
        lineage
    }
}
