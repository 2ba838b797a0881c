//! A proposer that takes every broken connection for a request that never left.

use super::{Definition, Flaw, faithful, unbent};

pub(super) const DEFINITION: Definition = Definition {
    name: "lost-reply-not-applied",
    summary: "a request whose connection broke is reported as never sent",
    rules: faithful,
    flaw: Some(Flaw::ClaimsNotDelivered),
    bend: unbent,
};
