//! The keys of one acceptor are taken for all.

use super::{Definition, Flaw, faithful, replacing_with_cold_keys};

pub(super) const DEFINITION: Definition = Definition {
    name: "one-acceptor-rescanned",
    summary: "a rescan lists one acceptor only",
    rules: faithful,
    flaw: Some(Flaw::RescansOneAcceptor),
    bend: replacing_with_cold_keys,
};
