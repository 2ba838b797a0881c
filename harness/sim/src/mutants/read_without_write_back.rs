//! A read that sees a value held by a minority and does not complete it.

use super::{Definition, unbent};
use caspaxos::Rules;
use std::sync::Arc;

pub(super) const DEFINITION: Definition = Definition {
    name: "read-without-write-back",
    summary: "a read answers what a quorum promised, without committing it again",
    rules: || Arc::new(ReadWithoutWriteBack),
    flaw: None,
    bend: unbent,
};

#[derive(Debug)]
struct ReadWithoutWriteBack;

impl Rules for ReadWithoutWriteBack {
    fn confirms_unchanged(&self, from_cache: bool) -> bool {
        from_cache
    }
}
