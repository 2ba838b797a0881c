//! An acceptor that was wiped between being told and its last page lists nothing, without an error.

use super::{Definition, Flaw, faithful, replacing_while_flushed};

pub(super) const DEFINITION: Definition = Definition {
    name: "trusted-listing",
    summary: "an acceptor is not asked after its last page whether it still has its memory",
    rules: faithful,
    flaw: Some(Flaw::TrustsListings),
    bend: replacing_while_flushed,
};
