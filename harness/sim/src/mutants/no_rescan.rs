//! How one replaces every acceptor by an empty one, and loses everything.

use super::{Definition, Flaw, faithful, replacing};

pub(super) const DEFINITION: Definition = Definition {
    name: "no-rescan",
    summary: "the membership changes step by step, and nothing is committed again",
    rules: faithful,
    flaw: Some(Flaw::NoRescan),
    bend: replacing,
};
