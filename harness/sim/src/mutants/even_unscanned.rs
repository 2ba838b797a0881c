//! From an even number to an odd one is right only if the even one was reached with a rescan.

use super::{Definition, Flaw, faithful, replacing};

pub(super) const DEFINITION: Definition = Definition {
    name: "even-unscanned",
    summary: "nothing is committed again on the way from an odd number of acceptors to an even one",
    rules: faithful,
    flaw: Some(Flaw::EvenUnscanned),
    bend: replacing,
};
