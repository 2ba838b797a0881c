//! Seen in the wild: a change of one dummy key, taken for a rescan.

use super::{Definition, Flaw, faithful, replacing};

pub(super) const DEFINITION: Definition = Definition {
    name: "one-key-rescanned",
    summary: "the membership changes step by step, and one key is committed again",
    rules: faithful,
    flaw: Some(Flaw::RescansOneKey),
    bend: replacing,
};
