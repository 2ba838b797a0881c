//! A violation, told to a person.

use crate::budget::{Budget, Meter};
use crate::configuration::Counting;
use crate::flaw::{Flaw, flaw};
use crate::key_history::{Call, Impossible, KeyHistory};
use crate::plan::Plan;
use crate::search::Search;
use crate::shrink::{Core, prefix};
use crate::space::Space;
use crate::words::{Words, described};
use harness_history::{Counterexample, Function, Operation, Outcome, Value, Witness};
use rustc_hash::FxHashSet;

/// How many calls are told at most: those of the proof that returned last.
const TOLD: usize = 20;
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
    let (calls, failing) = told(core);
    let operations: Vec<_> = calls.iter().map(|call| history.sources[call.source]).collect();
    let outputs = operations.iter().map(|operation| &operation.output);
    let words = Words::new(history.model, outputs.chain(&states));
    let states: Vec<_> = states.iter().map(|state| words.value(state)).collect();
    let flaw =
        calls.get(failing).and_then(|call| flaw(history, history.sources[call.source], &words));
    let untold = core.calls.len() - calls.len();
    let teller = Teller { history, calls: &calls, failing, untold, words, flaw };
    Counterexample {
        key: history.key.map(str::to_owned),
        sentence: teller.sentence(),
        story: teller.story(&states),
        operations: calls.iter().map(|call| teller.witness(call)).collect(),
        failing,
        states,
    }
}

/// The calls of a proof that are told, in order of invocation, and which of them fails.
fn told(core: &Core) -> (Vec<Call>, usize) {
    let mut calls = core.calls.clone();
    let Some(failing) = core.calls.get(core.failing) else { return (calls, 0) };
    if calls.len() > TOLD {
        // Those that never returned count as early: most of them have been open for long.
        calls.sort_by_key(|call| call.returned);
        calls.drain(..calls.len() - TOLD);
        calls.sort_by_key(|call| call.invoked);
    }
    let failing = calls.iter().position(|call| call.source == failing.source);
    (calls, failing.unwrap_or_default())
}

/// Tells of an operation that cannot be, by itself.
pub(crate) fn impossible(history: &KeyHistory<'_>, impossible: &Impossible) -> Counterexample {
    let operation = history.sources[impossible.source];
    let words = Words::new(history.model, [&operation.output]);
    let deed = words.deed(operation, None);
    let answered = match operation.outcome {
        Outcome::Ok if !matches!(operation.f, Function::Read | Function::Get) => {
            format!(", {}", words.value(&operation.output))
        }
        Outcome::Ok | Outcome::Fail | Outcome::Info => String::new(),
    };
    let object = history.key.map_or_else(String::new, |key| format!(" on key {key}"));
    Counterexample {
        key: history.key.map(str::to_owned),
        sentence: format!("{deed}{answered}{object}, but {}", impossible.why),
        story: vec![format!("{deed}{answered}"), impossible.why.clone()],
        operations: vec![words.witness(operation, None, operation.completed)],
        failing: 0,
        states: Vec::new(),
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
    if Meter::new(budget).out_of_time() {
        return Vec::new();
    }
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
    calls: &'a [Call],
    /// Index in `calls` of the one whose return closes every way on.
    failing: usize,
    /// How many more calls the proof has.
    untold: usize,
    words: Words,
    flaw: Option<Flaw>,
}

impl Teller<'_> {
    fn source(&self, call: &Call) -> &Operation {
        self.history.sources[call.source]
    }

    fn sentence(&self) -> String {
        let object = self.history.key.map_or_else(String::new, |key| format!(" on key {key}"));
        let Some(call) = self.calls.get(self.failing) else {
            return format!("no order of the calls{object} is legal");
        };
        let deed = self.words.deed(self.source(call), Some(call.action));
        let (clause, complete) =
            self.flaw.as_ref().map_or(("", false), |flaw| (flaw.clause.as_str(), flaw.complete));
        let end = if complete { "" } else { ", and no order of the calls allows that" };
        format!("{deed}{object}{clause}{end}")
    }

    fn story(&self, states: &[String]) -> Vec<String> {
        let mut story = Vec::new();
        let initial = described(self.history.model, self.history.initial, &self.history.space);
        let initial = self.words.value(&initial.unwrap_or_default());
        story.push(format!("at first the object holds {initial}"));
        if self.untold > 0 {
            let calls = plural(self.untold, "call");
            story.push(format!("{calls} more belong to the proof, and are not told here"));
        }
        for (index, call) in self.calls.iter().enumerate() {
            story.push(format!("{}{}", self.when(index), self.told(index, call)));
        }
        story.extend(self.left_out());
        let Some(failing) = self.calls.get(self.failing) else { return story };
        let source = self.source(failing);
        let call = format!("process {}'s {}", source.process, self.words.call(source));
        if let Some(held) = held(states) {
            let open = if self.others_open(failing) { ", but for calls still open" } else { "" };
            story.push(format!(
                "by all that was known when {call} returned, the object then held {held}{open}"
            ));
        }
        let these = if self.untold > 0 { "the calls of the proof" } else { "these calls" };
        story.push(format!("no order of {these} has a place for {call}"));
        story
    }

    /// What is said of the calls that the proof does not need. Those that failed did not happen; of
    /// the others shrinking has shown that they may have happened or not, and when they like.
    fn left_out(&self) -> Vec<String> {
        let mut said = Vec::new();
        let named = self.flaw.as_ref().and_then(|flaw| flaw.failed);
        let sources = &self.history.sources;
        if let Some(failed) = sources.iter().find(|s| Some(s.invoked.position) == named) {
            let (process, call) = (failed.process, self.words.call(failed));
            said.push(format!("process {process}'s {call} failed: it did not happen"));
        }
        let told: FxHashSet<_> = self.calls.iter().map(|call| call.source).collect();
        let others = sources.iter().enumerate().filter(|(number, source)| {
            !told.contains(number) && Some(source.invoked.position) != named
        });
        let (failed, others): (Vec<_>, Vec<_>) =
            others.partition(|(_, source)| source.outcome == Outcome::Fail);
        match others.len().saturating_sub(self.untold) {
            0 => {}
            1 => said.push(String::from(
                "one other call of the object is left out: it does not matter whether and when it \
                 happened",
            )),
            others => said.push(format!(
                "{others} other calls of the object are left out: it does not matter whether and when \
                 each of them happened"
            )),
        }
        match failed.len() {
            0 => {}
            failed => said.push(format!(
                "{} that failed {} left out: what failed did not happen",
                plural(failed, "call"),
                if failed == 1 { "is" } else { "are" }
            )),
        }
        said
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
        let call = &self.calls[index];
        match self.calls[..index].iter().filter_map(|call| call.returned).max() {
            None => "",
            Some(last) if last < call.invoked => "after that, ",
            Some(_) => "meanwhile, ",
        }
    }

    fn told(&self, index: usize, call: &Call) -> String {
        let source = self.source(call);
        let deed = self.words.deed(source, Some(call.action));
        match (call.returned, source.outcome) {
            (Some(_), _) if index == self.failing => {
                let clause = self.flaw.as_ref().map_or("", |flaw| flaw.clause.as_str());
                format!("{deed}{clause}")
            }
            (Some(_), _) => deed,
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

    fn witness(&self, call: &Call) -> Witness {
        let source = self.source(call);
        let completed = source.completed.filter(|_| call.returned.is_some());
        self.words.witness(source, Some(call.action), completed)
    }
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A few states, in words.
fn held(states: &[String]) -> Option<String> {
    match states {
        [] => None,
        [.., _, _, _, _] => Some(format!("{}, or one of several others", states[..3].join(" or "))),
        states => Some(states.join(" or ")),
    }
}
