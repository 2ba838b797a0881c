//! A violation, told to a person.

use crate::ModelKind;
use crate::budget::{Budget, Meter};
use crate::configuration::Counting;
use crate::key_history::{Call, KeyHistory};
use crate::plan::Plan;
use crate::search::Search;
use crate::shrink::{Core, prefix};
use crate::space::Space;
use crate::words::{Words, described};
use harness_history::{Counterexample, Function, Operation, Outcome, Value, Witness};
use rustc_hash::FxHashSet;

/// How many possible states are listed.
const STATES: usize = 8;
/// Configurations that finding the possible states may make, beside some for each call.
const EFFORT: usize = 200_000;

/// Tells what is left of a violation.
pub(crate) fn explain(
    history: &KeyHistory<'_>,
    core: &Core,
    space: &mut Space,
    budget: &Budget<'_>,
) -> Counterexample {
    let states = possible_states(history, core, space, budget);
    let operations: Vec<_> = core.calls.iter().map(|call| history.sources[call.source]).collect();
    let outputs = operations.iter().map(|operation| &operation.output);
    let words = Words::new(history.model, outputs.chain(&states));
    let states: Vec<_> = states.iter().map(|state| words.value(state)).collect();
    let teller = Teller { history, core, words };
    Counterexample {
        key: history.key.map(str::to_owned),
        sentence: teller.sentence(),
        story: teller.story(&states),
        operations: core.calls.iter().map(|call| teller.witness(call)).collect(),
        failing: core.failing,
        states,
    }
}

/// States that the object may be in just before the failing return, as values. Here every call
/// counts in full, not only what is left of it in the proof.
fn possible_states(
    history: &KeyHistory<'_>,
    core: &Core,
    space: &mut Space,
    budget: &Budget<'_>,
) -> Vec<Value> {
    let Some(failing) = core.calls.get(core.failing) else { return Vec::new() };
    let before = failing.returned.unwrap_or(usize::MAX);
    let mut calls = prefix(&history.calls, before);
    calls.retain(|call| call.source != failing.source);
    let Ok(plan) = Plan::readable(history.model, history.initial, &calls, space) else {
        return Vec::new();
    };
    space.growing = true;
    let meter = Meter::stepped(budget, EFFORT + 4 * calls.len());
    let mut search = Search::new(&plan, space, &meter, Counting::Frugal);
    let reached = search.frontier_at(before);
    let mut states: Vec<_> = reached.iter().map(|configuration| configuration.state).collect();
    states.sort_unstable();
    states.dedup();
    states.truncate(STATES);
    states.into_iter().filter_map(|state| described(history.model, state, space)).collect()
}

struct Teller<'a> {
    history: &'a KeyHistory<'a>,
    core: &'a Core,
    words: Words,
}

impl Teller<'_> {
    fn source(&self, call: &Call) -> &Operation {
        self.history.sources[call.source]
    }

    fn sentence(&self) -> String {
        let object = self.history.key.map_or_else(String::new, |key| format!(" on key {key}"));
        match self.core.calls.get(self.core.failing) {
            Some(call) => {
                let deed = self.told(self.core.failing, call);
                format!("{deed}{object}, and no order of the calls allows that")
            }
            None => format!("no order of the calls{object} is legal"),
        }
    }

    fn story(&self, states: &[String]) -> Vec<String> {
        let mut story = Vec::new();
        let initial = described(self.history.model, self.history.initial, &self.history.space);
        let initial = self.words.value(&initial.unwrap_or_default());
        story.push(format!("at first the object holds {initial}"));
        for (index, call) in self.core.calls.iter().enumerate() {
            story.push(format!("{}{}", self.when(index), self.told(index, call)));
        }
        match self.history.operations() - self.core.calls.len() {
            0 => {}
            1 => story.push(
                "the object's other call is left out: it does not matter whether and when it happened"
                    .to_owned(),
            ),
            others => story.push(format!(
                "the object's {others} other calls are left out: it does not matter whether and when \
                 each of them happened"
            )),
        }
        let Some(failing) = self.core.calls.get(self.core.failing) else { return story };
        let source = self.source(failing);
        let call = format!("process {}'s {}", source.process, self.words.call(source));
        if let Some(held) = held(states) {
            let open = if self.others_open(failing) { ", but for calls still open" } else { "" };
            story.push(format!(
                "by all that was known when {call} returned, the object then held {held}{open}"
            ));
        }
        story.push(format!("no order of these calls has a place for {call}"));
        story
    }

    /// Whether calls of the whole history are open when the failing one returns.
    fn others_open(&self, failing: &Call) -> bool {
        let end = failing.returned.unwrap_or(usize::MAX);
        let open = |call: &Call| {
            let changes = !call.action.is_read() && call.source != failing.source;
            changes && call.invoked < end && call.returned.is_none_or(|returned| returned > end)
        };
        self.history.calls.iter().any(open)
    }

    /// Where a call stands to those before it.
    fn when(&self, index: usize) -> &'static str {
        let call = &self.core.calls[index];
        match self.core.calls[..index].iter().filter_map(|call| call.returned).max() {
            None => "",
            Some(last) if last < call.invoked => "after that, ",
            Some(_) => "meanwhile, ",
        }
    }

    fn told(&self, index: usize, call: &Call) -> String {
        let source = self.source(call);
        let deed = self.words.deed(source);
        match (call.returned, source.outcome) {
            (Some(_), _) => format!("{deed}{}", self.flaw(index, source)),
            (None, Outcome::Info) => {
                format!("{deed}: it may have happened, then or at any later time")
            }
            (None, Outcome::Ok | Outcome::Fail) => format!(
                "process {} called {}; it counts here only as: may have happened, then or later",
                source.process,
                self.words.call(source)
            ),
        }
    }

    /// What is plainly wrong with a list that was read: what it lacks, or has twice.
    fn flaw(&self, index: usize, source: &Operation) -> String {
        if self.history.model != ModelKind::Append || source.f != Function::Read {
            return String::new();
        }
        let Some(items) = source.output.as_array() else { return String::new() };
        let mut seen = FxHashSet::default();
        if let Some(twice) = items.iter().find(|item| !seen.insert(*item)) {
            return format!(", with {twice} twice");
        }
        let before = |call: &&Call| {
            call.returned.is_some_and(|returned| returned < self.core.calls[index].invoked)
        };
        let earlier = self.core.calls.iter().filter(before).map(|call| self.source(call));
        let mut appended =
            earlier.filter(|call| call.f == Function::Append).map(|call| &call.input);
        match appended.find(|element| !seen.contains(element)) {
            Some(missing) => format!(", without {missing}"),
            None => String::new(),
        }
    }

    fn witness(&self, call: &Call) -> Witness {
        let source = self.source(call);
        let completed = source.completed.filter(|_| call.returned.is_some());
        Witness {
            process: source.process,
            f: source.f,
            call: self.words.call(source),
            answer: self.words.answer(source),
            outcome: if call.returned.is_some() { source.outcome } else { Outcome::Info },
            invoked: source.invoked.position,
            invoked_time: source.invoked.time,
            completed: completed.map(|point| point.position),
            completed_time: completed.map(|point| point.time),
        }
    }
}

/// A few states, in words.
fn held(states: &[String]) -> Option<String> {
    match states {
        [] => None,
        [.., _, _, _, _] => Some(format!("{}, or one of several others", states[..3].join(" or "))),
        states => Some(states.join(" or ")),
    }
}
