//! The last page of a listing is passed over.

use super::{Definition, Flaw, faithful, replacing_with_cold_keys};

pub(super) const DEFINITION: Definition = Definition {
    name: "last-page-skipped",
    summary: "a rescan passes over the last page of a listing",
    rules: faithful,
    flaw: Some(Flaw::SkipsLastPage),
    bend: replacing_with_cold_keys,
};
