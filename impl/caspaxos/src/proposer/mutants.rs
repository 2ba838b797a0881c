//! Proposers under a wrong rule, and without their memory.

use super::Proposer;
use crate::{Configuration, Rules};
use alloc::sync::Arc;

impl<K, V> Proposer<K, V> {
    /// The same under other rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Arc<dyn Rules>) -> Self {
        self.rules = rules;
        self
    }

    /// Forgets how far it has counted.
    pub const fn set_counter(&mut self, counter: u64) {
        self.counter = counter;
    }

    /// The rules, for a machine that goes on when the proposer does something else.
    pub(crate) fn shared_rules(&self) -> Arc<dyn Rules> {
        self.rules.clone()
    }

    /// Who is asked to confirm a tombstone before it is erased.
    pub(super) fn asked_to_confirm(&self, all: Arc<Configuration>) -> Arc<Configuration> {
        if self.rules.collects_what_all_hold() { all } else { self.configuration.clone() }
    }
}
