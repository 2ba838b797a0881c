//! Linearizability by trying every order: for a handful of operations.

use super::object::call;
use harness_history::{Function, Operation, Outcome};
use serde_json::Value;

/// How the history is to be read.
pub(crate) struct Reading<'a> {
    pub(crate) model: &'a str,
    pub(crate) nil_read_tells_nothing: bool,
    pub(crate) refusals_are_mismatches: bool,
}

/// Whether some order of the operations is legal.
pub(crate) fn linearizable(
    operations: &[Operation],
    initial: &Value,
    reading: &Reading<'_>,
) -> bool {
    let rest: Vec<_> = operations.iter().collect();
    search(&rest, initial, reading)
}

fn search(rest: &[&Operation], state: &Value, reading: &Reading<'_>) -> bool {
    let end = |operation: &Operation| match operation.outcome {
        Outcome::Info => usize::MAX,
        Outcome::Ok | Outcome::Fail => {
            operation.completed.map_or(usize::MAX, |completed| completed.position)
        }
    };
    if rest.iter().all(|operation| operation.outcome == Outcome::Info) {
        return true;
    }
    let first_end = rest.iter().map(|operation| end(operation)).min();
    (0..rest.len()).filter(|&i| Some(rest[i].invoked.position) < first_end).any(|i| {
        let mut others = rest.to_vec();
        let operation = others.remove(i);
        after(operation, state, reading).iter().any(|state| search(&others, state, reading))
    })
}

/// The states that an operation can leave.
fn after(operation: &Operation, state: &Value, reading: &Reading<'_>) -> Vec<Value> {
    let (answer, next) = call(reading.model, state, operation.f, &operation.input);
    let told = &operation.output;
    let legal = match operation.outcome {
        Outcome::Info => return vec![next],
        Outcome::Fail if operation.f != Function::Cas => true,
        Outcome::Fail => match told.get("observed") {
            Some(observed) => observed == state,
            None => !reading.refusals_are_mismatches || answer.is_none(),
        },
        Outcome::Ok if matches!(operation.f, Function::Read | Function::Get) => {
            told == state || (told.is_null() && reading.nil_read_tells_nothing)
        }
        Outcome::Ok => answer.is_some_and(|answer| told.is_null() || *told == answer),
    };
    let left = if operation.outcome == Outcome::Fail { state.clone() } else { next };
    if legal { vec![left] } else { Vec::new() }
}
