//! Registers that count their changes.
//!
//! Versions grow by one with every change and never come back, so each version has one value in any
//! legal order. What some answer tells about a version therefore holds for all: a state that
//! differs from it is *dead*, and a version that a call was told is its own can be made by no other
//! call.
//!
//! *Crashed calls fill gaps.* They are used only to reach a version that no answer names as made by
//! a call that returned. Above the highest version that any answer names they are left out: all
//! that follows can happen without them (unless a strict refusal looks at the version).
//! Where the value is known, only a call that sets it is tried; a CAS that expects just
//! this version first, because it will never fit again. Where nothing is known of the version any
//! call serves, so one is tried that serves least elsewhere: such a CAS, or a write whose value
//! nobody saw.

use super::View;
use crate::action::{Action, State};
use crate::key_history::Call;
use crate::plan::{Class, Returning};
use crate::space::OTHER;
use rustc_hash::{FxHashMap, FxHashSet};

#[derive(Debug)]
pub(crate) struct Versions {
    /// The value that some answer gives to a version.
    known: FxHashMap<u32, u32>,
    /// Versions that a call was told it had made.
    made: FxHashSet<u32>,
    highest: u32,
    /// There are refusals of the strict reading.
    strict: bool,
    /// Classes of crashed writes by value, and all of them.
    writes: FxHashMap<u32, u32>,
    all_writes: Vec<u32>,
    /// Classes of crashed CAS by the version they expect, with their value.
    cas: FxHashMap<u32, Vec<(u32, u32)>>,
}

impl Versions {
    pub(crate) fn prepare(calls: &mut [Call], merge: bool) -> Self {
        let mut seen = FxHashSet::default();
        for call in calls.iter() {
            if let Action::Read(state) = call.action {
                seen.insert(state.low());
            }
        }
        for call in calls.iter_mut().filter(|call| merge || call.returned.is_none()) {
            if let Action::WriteNext { value, .. } | Action::CasNext { value, .. } =
                &mut call.action
                && !seen.contains(value)
            {
                *value = OTHER;
            }
        }
        Self {
            known: FxHashMap::default(),
            made: FxHashSet::default(),
            highest: 0,
            strict: calls.iter().any(|call| call.action.is_refusal()),
            writes: FxHashMap::default(),
            all_writes: Vec::new(),
            cas: FxHashMap::default(),
        }
    }

    pub(crate) fn learn(&mut self, classes: &[Class], returning: &[Returning]) {
        for call in returning {
            if let Action::Read(state) = call.action {
                self.note(state.version(), state.low());
            } else if let Some((version, value)) = made(call.action) {
                self.note(version, value);
                self.made.insert(version);
            }
        }
        for (number, class) in (0..).zip(classes) {
            if let Action::WriteNext { value, .. } = class.action {
                self.writes.insert(value, number);
                self.all_writes.push(number);
            } else if let Action::CasNext { expected, value, .. } = class.action {
                self.cas.entry(expected).or_default().push((value, number));
            }
        }
    }

    fn note(&mut self, version: u32, value: u32) {
        self.known.entry(version).or_insert(value);
        self.highest = self.highest.max(version);
    }

    /// Whether a state contradicts what some answer tells about its version.
    pub(crate) fn dead(&self, state: State) -> bool {
        self.known.get(&state.version()).is_some_and(|&value| value != state.low())
    }

    /// A write that was not told its version makes none that another call made.
    pub(crate) fn wants(&self, view: View<'_>, action: Action) -> bool {
        let untold = matches!(action, Action::WriteNext { version: None, .. });
        !(untold && self.next(view).is_some_and(|next| self.made.contains(&next)))
    }

    pub(crate) fn crashed(&self, view: View<'_>) -> Vec<u32> {
        let Some(next) = self.next(view) else { return Vec::new() };
        if self.made.contains(&next) || (next > self.highest && !self.strict) {
            return Vec::new();
        }
        let spare = |&class: &u32| view.spare(class);
        let mut fitting = self.cas.get(&view.state().version()).into_iter().flatten();
        if let Some(value) = self.known.get(&next) {
            let cas = fitting.find(|(to, class)| to == value && spare(class));
            let write = || self.writes.get(value).copied().filter(spare);
            return cas.map(|&(_, class)| class).or_else(write).into_iter().collect();
        }
        let cas = fitting.map(|&(_, class)| class).find(spare);
        match cas.or_else(|| self.writes.get(&OTHER).copied().filter(spare)) {
            Some(class) => vec![class],
            None => self.all_writes.iter().copied().filter(spare).collect(),
        }
    }

    fn next(&self, view: View<'_>) -> Option<u32> {
        view.state().version().checked_add(1)
    }
}

/// The version that a call is known to have made, and the value that it set.
fn made(action: Action) -> Option<(u32, u32)> {
    if let Action::WriteNext { value, version: Some(version) } = action {
        Some((version, value))
    } else if let Action::CasNext { expected, value, .. } = action {
        expected.checked_add(1).map(|version| (version, value))
    } else {
        None
    }
}
