//! Registers with and without compare-and-set on the value.
//!
//! *A blind write that nobody waits for can be passed over.* Let a write be linearized while
//! another call returns, and let no read of its value and no CAS from it follow before the next
//! change. That change is then a blind write, and the first can hide directly before it, which the
//! search allows for without taking the step; or there is no such change before the return, and the
//! write can wait.
//!
//! *A crashed call that nobody waits for can be left out.* Take it out of a legal order: the state
//! goes back to what it was before, until the next blind write, and no call in between looked at
//! it. So it serves only to feed a read or CAS that follows it directly, perhaps over a chain of
//! crashed CAS. Its *deadline* is the last return of such a call, and if that comes before its
//! invocation it is dropped.
//!
//! A refused CAS under the strict reading looks at every state but one. If there are any, nothing
//! is dropped, and while one of them is blocked every change is of use.

use super::{View, Wishes};
use crate::action::{Action, State};
use crate::key_history::Call;
use crate::plan::Class;
use crate::space::OTHER;
use rustc_hash::{FxHashMap, FxHashSet};

#[derive(Debug)]
pub(crate) struct Values {
    /// The classes of crashed calls that leave a state.
    into: FxHashMap<State, Vec<u32>>,
    /// For each state the last return of a call that needs it; absent under strict refusals.
    deadlines: Option<FxHashMap<State, usize>>,
    /// The crashed CAS that leave a state: where from.
    sources: FxHashMap<State, Vec<(State, u32)>>,
}

impl Values {
    pub(crate) fn prepare(calls: &mut Vec<Call>, merge: bool) -> Self {
        if merge {
            merge_values_nobody_asks_for(calls);
        }
        let strict = calls.iter().any(|call| call.action.is_refusal());
        let deadlines = (!strict).then(|| drop_needless(calls));
        Self { into: FxHashMap::default(), deadlines, sources: FxHashMap::default() }
    }

    pub(crate) fn learn(&mut self, classes: &[Class]) {
        for (number, class) in (0..).zip(classes) {
            if let Some(to) = target(class.action) {
                self.into.entry(to).or_default().push(number);
            }
            if let Action::Cas { from, to } = class.action {
                self.sources.entry(to).or_default().push((from, number));
            }
        }
    }

    pub(crate) fn deadline(&self, action: Action) -> Option<usize> {
        self.deadlines.as_ref()?.get(&target(action)?).copied()
    }

    pub(crate) fn wanted_after(&self, action: Action, at: usize) -> bool {
        self.deadlines.is_none() || self.deadline(action).is_some_and(|until| until > at)
    }

    pub(crate) fn wishes(&self, view: View<'_>) -> Wishes {
        let mut states = Vec::new();
        for call in view.owed() {
            match call.action {
                Action::Read(seen) => push_new(&mut states, seen),
                Action::Cas { from, .. } => push_new(&mut states, from),
                // Reads are settled as soon as the state allows it, so this one is blocked.
                Action::Unlike(_) => return Wishes::Everything,
                Action::Write(_) | Action::UnlikeVersion(_) => {}
                Action::WriteNext { .. } | Action::CasNext { .. } => {}
                Action::Add { .. } | Action::Append { .. } => {}
            }
        }
        let mut next = 0;
        while let Some(&wanted) = states.get(next) {
            for &(from, class) in self.sources.get(&wanted).into_iter().flatten() {
                if view.spare(class) {
                    push_new(&mut states, from);
                }
            }
            next += 1;
        }
        Wishes::States(states)
    }

    pub(crate) fn crashed(&self, wishes: &Wishes, view: View<'_>) -> Vec<u32> {
        let Wishes::States(states) = wishes else { return view.spare_classes().collect() };
        // Of the present state too: another write may hide before the crashed one.
        let classes = states.iter().flat_map(|state| self.into.get(state).into_iter().flatten());
        classes.copied().filter(|&class| view.spare(class)).collect()
    }
}

/// Whether an open call is worth linearizing before the one that returns.
pub(crate) fn wants(wishes: &Wishes, action: Action) -> bool {
    match (wishes, action) {
        (Wishes::States(states), Action::Write(to)) => states.contains(&to),
        _ => true,
    }
}

fn target(action: Action) -> Option<State> {
    match action {
        Action::Write(to) | Action::Cas { to, .. } => Some(to),
        Action::Read(_) | Action::Unlike(_) | Action::UnlikeVersion(_) => None,
        Action::WriteNext { .. } | Action::CasNext { .. } => None,
        Action::Add { .. } | Action::Append { .. } => None,
    }
}

fn demanded(action: Action) -> Option<State> {
    match action {
        Action::Read(state) | Action::Unlike(state) | Action::Cas { from: state, .. } => {
            Some(state)
        }
        Action::Write(_) | Action::UnlikeVersion(_) => None,
        Action::WriteNext { .. } | Action::CasNext { .. } => None,
        Action::Add { .. } | Action::Append { .. } => None,
    }
}

fn merge_values_nobody_asks_for(calls: &mut [Call]) {
    let asked: FxHashSet<_> = calls.iter().filter_map(|call| demanded(call.action)).collect();
    let merged = |to: State| if asked.contains(&to) { to } else { State::value(OTHER) };
    for call in calls {
        if let Action::Write(to) | Action::Cas { to, .. } = &mut call.action {
            *to = merged(*to);
        }
    }
}

/// Leaves out crashed calls that nobody waits for, and answers with the deadlines. Not for
/// histories with strict refusals.
pub(crate) fn drop_needless(calls: &mut Vec<Call>) -> FxHashMap<State, usize> {
    let deadlines = deadlines(calls);
    calls.retain(|call| {
        let needed = || target(call.action).and_then(|to| deadlines.get(&to));
        call.returned.is_some() || needed().is_some_and(|&until| until > call.invoked)
    });
    deadlines
}

/// The last return that needs a state: of a read or CAS, or of one that a crashed CAS leads to.
fn deadlines(calls: &[Call]) -> FxHashMap<State, usize> {
    let mut deadlines: FxHashMap<State, usize> = FxHashMap::default();
    let mut sources: FxHashMap<State, Vec<(State, usize)>> = FxHashMap::default();
    for call in calls {
        if let (Some(state), Some(returned)) = (demanded(call.action), call.returned) {
            let last = deadlines.entry(state).or_default();
            *last = returned.max(*last);
        }
        if let (Action::Cas { from, to }, None) = (call.action, call.returned) {
            sources.entry(to).or_default().push((from, call.invoked));
        }
    }
    let mut raised: Vec<_> = deadlines.keys().copied().collect();
    while let Some(to) = raised.pop() {
        let until = deadlines.get(&to).copied().unwrap_or_default();
        for &(from, invoked) in sources.get(&to).into_iter().flatten() {
            if until > invoked && deadlines.get(&from).is_none_or(|&last| last < until) {
                deadlines.insert(from, until);
                raised.push(from);
            }
        }
    }
    deadlines
}

fn push_new(states: &mut Vec<State>, state: State) {
    if !states.contains(&state) {
        states.push(state);
    }
}
