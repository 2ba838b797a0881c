//! Counters.
//!
//! Additions commute. So one that was not told the total can wait until it returns itself, or
//! until directly before a call that looks at the total; a crashed one is used only there. If
//! nothing is ever subtracted, a total beyond what an open call has yet to see is dead.

use super::{View, Wishes};
use crate::action::Action;
use crate::key_history::Call;

#[derive(Debug)]
pub(crate) struct Totals {
    /// No amount is negative.
    growing: bool,
}

impl Totals {
    pub(crate) fn prepare(calls: &mut Vec<Call>) -> Self {
        let nothing = |call: &Call| call.action == Action::Add { amount: 0, total: None };
        calls.retain(|call| !nothing(call));
        let negative =
            |call: &Call| matches!(call.action, Action::Add { amount, .. } if amount < 0);
        Self { growing: !calls.iter().any(negative) }
    }

    pub(crate) fn wishes(&self, view: View<'_>) -> Wishes {
        if view.owed().any(|call| call.action.demands()) {
            Wishes::Everything
        } else {
            Wishes::States(Vec::new())
        }
    }

    pub(crate) fn dead(&self, view: View<'_>) -> bool {
        let total = view.state().as_total();
        self.growing
            && view.owed().any(|call| {
                if let Action::Read(seen) = call.action {
                    seen.as_total() < total
                } else if let Action::Add { amount, total: Some(told) } = call.action {
                    total.checked_add(amount).is_none_or(|next| next > told)
                } else {
                    false
                }
            })
    }
}

/// Whether an open call is worth linearizing before the one that returns.
pub(crate) fn wants(wishes: &Wishes, action: Action) -> bool {
    matches!(wishes, Wishes::Everything) || action.demands()
}

pub(crate) fn crashed(wishes: &Wishes, view: View<'_>) -> Vec<u32> {
    match wishes {
        Wishes::Everything => view.spare_classes().collect(),
        Wishes::States(_) => Vec::new(),
    }
}
