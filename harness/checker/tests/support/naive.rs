//! Linearizability by trying every order: for a handful of operations.

use super::object::{call, initial};
use harness_history::{Function, Operation, Outcome};
use serde_json::Value;
use std::collections::BTreeSet;

/// How the history is to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) model: &'a str,
    pub(crate) nil_read_tells_nothing: bool,
    pub(crate) refusals_are_mismatches: bool,
    pub(crate) answers: Told,
}

/// What an answer of a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Echo,
    After,
    Before,
}

/// Whether some order of the operations is legal.
pub(crate) fn linearizable(
    operations: &[Operation],
    initial: &Value,
    reading: &Reading<'_>,
) -> bool {
    let mut search = Search { operations, reading, dead: BTreeSet::new() };
    search.goes_on((1 << operations.len()) - 1, initial)
}

struct Search<'a> {
    operations: &'a [Operation],
    reading: &'a Reading<'a>,
    /// What is left, and the state, from where no way leads on.
    dead: BTreeSet<(u32, String)>,
}

impl Search<'_> {
    fn goes_on(&mut self, rest: u32, state: &Value) -> bool {
        let operations = self.operations;
        let left = || (0..operations.len()).filter(move |number| rest & (1 << number) != 0);
        if left().all(|number| operations[number].outcome == Outcome::Info) {
            return true;
        }
        let here = (rest, state.to_string());
        if self.dead.contains(&here) {
            return false;
        }
        let first_end = left().map(|number| end(&operations[number])).min();
        let may_be_next = |number: &usize| Some(operations[*number].invoked.position) < first_end;
        let found = left().filter(may_be_next).any(|number| {
            let next = after(&operations[number], state, self.reading);
            next.is_some_and(|next| self.goes_on(rest & !(1 << number), &next))
        });
        if !found {
            self.dead.insert(here);
        }
        found
    }
}

fn end(operation: &Operation) -> usize {
    match operation.outcome {
        Outcome::Info => usize::MAX,
        Outcome::Ok | Outcome::Fail => {
            operation.completed.map_or(usize::MAX, |completed| completed.position)
        }
    }
}

/// The state that an operation leaves, if it can happen as it was told.
fn after(operation: &Operation, state: &Value, reading: &Reading<'_>) -> Option<Value> {
    let (answer, next) = call(reading.model, state, operation.f, &operation.input);
    let told = &operation.output;
    let left = if operation.outcome == Outcome::Fail { state.clone() } else { next };
    let legal = match operation.outcome {
        Outcome::Info => true,
        Outcome::Fail if operation.f != Function::Cas => true,
        Outcome::Fail => match told.get("observed") {
            Some(observed) => observed == state && answer.is_none(),
            None => !reading.refusals_are_mismatches || answer.is_none(),
        },
        Outcome::Ok if matches!(operation.f, Function::Read | Function::Get) => {
            told == state || (told.is_null() && reading.nil_read_tells_nothing)
        }
        Outcome::Ok => answer.is_some_and(|answer| match reading.answers {
            Told::Before if reading.model == "versioned-cas" => version(told) == version(state),
            Told::Before if told.is_null() => *state == initial(reading.model),
            Told::Before => told == state,
            _ if told.is_null() => true,
            Told::Echo => *told == operation.input,
            Told::After if operation.f == Function::Cas && *told == operation.input => true,
            Told::After => *told == answer || *told == left,
        }),
    };
    legal.then_some(left)
}

/// The version in a versioned object, or alone.
fn version(value: &Value) -> u64 {
    value.as_u64().or_else(|| value[0].as_u64()).unwrap_or(0)
}
