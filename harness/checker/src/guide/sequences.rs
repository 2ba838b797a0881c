//! Lists that only grow.
//!
//! A content that no read begins with stays so whatever is appended: while some call has
//! yet to see a content, it is *dead*. When none has, every append left can happen at any time, so
//! none is worth doing early. A crashed append is used only where some read goes on with just its
//! element, and one whose element nobody ever saw is dropped: in a legal order no read can follow
//! it.

use super::View;
use crate::action::Action;
use crate::key_history::Call;
use crate::plan::Class;
use crate::space::{ELSEWHERE, Space};
use rustc_hash::{FxHashMap, FxHashSet};

#[derive(Debug)]
pub(crate) struct Lists {
    /// Classes of crashed appends by element.
    appends: FxHashMap<u32, u32>,
}

impl Lists {
    pub(crate) fn prepare(calls: &mut Vec<Call>, space: &Space) -> Self {
        let seen: FxHashSet<_> = space.elements().collect();
        calls.retain(|call| {
            let Action::Append { suffix, .. } = call.action else { return true };
            let was_seen = || space.symbols(suffix).iter().all(|element| seen.contains(element));
            call.returned.is_some() || was_seen()
        });
        Self { appends: FxHashMap::default() }
    }

    pub(crate) fn learn(&mut self, classes: &[Class], space: &Space) {
        for (number, class) in (0..).zip(classes) {
            if let Action::Append { suffix, .. } = class.action
                && let [element] = space.symbols(suffix)
            {
                self.appends.insert(*element, number);
            }
        }
    }

    pub(crate) fn crashed(&self, view: View<'_>) -> Vec<u32> {
        view.space
            .continuations(view.state())
            .filter_map(|element| self.appends.get(&element).copied())
            .filter(|&class| view.spare(class))
            .collect()
    }
}

pub(crate) fn dead(view: View<'_>, forced: bool) -> bool {
    view.state().low() == ELSEWHERE && (!forced || view.demand_ahead())
}
