//! An acceptor that was wiped between being told and its last page lists nothing, without an error.

use super::{Definition, Flaw, faithful, replacing_while_flushed};

pub(super) const DEFINITION: Definition = Definition {
    name: "trusted-listing",
    summary: "who was told of an epoch is not asked again whether it still remembers when it is listed",
    rules: faithful,
    flaw: Some(Flaw::TrustsListings),
    bend: replacing_while_flushed,
};
