//! How the cases of a small cluster are put together, and what they are to come to.

use super::cluster::{Allowance, Case, Replies, explore};
use super::history::Op;
use super::process::Task;
use crate::{AcceptorId, Configuration, Faithful, Quorum, Rules};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;

pub(super) const A: Task = Task::Ask(Op::Append('a'));
pub(super) const B: Task = Task::Ask(Op::Append('b'));
pub(super) const C: Task = Task::Ask(Op::Append('c'));
pub(super) const DELETE: Task = Task::Ask(Op::Delete);

/// No round is tried again, and every reply arrives; but any request may never come.
pub(super) const PLAIN: Allowance =
    Allowance { retries: 0, losses: 0, unheard: 0, impatience: 0, expiries: 0 };

/// Majorities of so many acceptors, the faithful rules, and the plain allowance.
pub(super) fn majority(count: u32, scripts: &'static [&'static [Task]]) -> Case {
    let configuration = Configuration::majority((0..count).map(AcceptorId)).unwrap();
    Case {
        configurations: vec![configuration],
        scripts,
        plan: &[],
        allowance: PLAIN,
        replies: Replies::AtOnce,
        rules: Arc::new(Faithful),
    }
}

/// The same with quorums of these sizes.
pub(super) fn flexible(
    count: u32,
    (prepare, accept): (usize, usize),
    scripts: &'static [&'static [Task]],
) -> Case {
    let quorum = |size| Quorum::of(size, (0..count).map(AcceptorId));
    let configuration = Configuration::flexible(quorum(prepare), quorum(accept)).unwrap();
    Case { configurations: vec![configuration], ..majority(count, scripts) }
}

impl Case {
    pub(super) fn allowing(self, allowance: Allowance) -> Self {
        Self { allowance, ..self }
    }

    /// Visits everything, and minds that there was something to visit, and that so many calls were
    /// answered somewhere.
    pub(super) fn holds(&self, at_least: usize, calls: u32) {
        let seen = explore(self).unwrap();
        std::println!("{} states, by calls answered: {:?}", seen.states, seen.answered);
        assert!(seen.states >= at_least, "only {seen:?}: the exploration has lost its way");
        assert!(seen.answered.contains_key(&calls), "never {calls} answers: {seen:?}");
    }

    /// Finds what goes wrong under a rule that is not the protocol's.
    pub(super) fn breaks_under(self, rules: impl Rules + 'static) -> String {
        explore(&Self { rules: Arc::new(rules), ..self }).unwrap_err()
    }
}
