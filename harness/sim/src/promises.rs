//! What the store promises beside linearizability, which the histories of clients do not show.

use crate::message::OpId;
use std::collections::BTreeMap;

/// Watches a run for broken promises.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    /// Which change of a key was given which version.
    versions: BTreeMap<(String, u64), OpId>,
    /// One sentence for each broken promise.
    pub(crate) broken: Vec<String>,
}

impl Promises {
    /// A change of a key has committed: no other change of it may ever be given its version.
    pub(crate) fn committed(&mut self, key: &str, version: u64, op: OpId) {
        let before = *self.versions.entry((key.to_owned(), version)).or_insert(op);
        if before != op {
            self.broken
                .push(format!("version {version} of {key} was given to {before} and to {op}"));
        }
    }

    /// A change ended in doubt although neither its deadline had come nor could its lineage have been
    /// forgotten.
    pub(crate) fn forgot(&mut self, key: &str, op: OpId) {
        self.broken
            .push(format!("{op} ended in doubt, and nothing of {key} can have been forgotten"));
    }
}
