//! A violation planted in a large valid history is found, and told in a few operations that are
//! themselves a violation. Each plant is invalid by construction; its comment says why.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use harness_checker::{Answer, Answers, Budget, Settings, check};
use harness_history::{Counterexample, Function, Operation, Outcome, Value};
use serde_json::json;
use support::object;
use support::world::{Telling, World};

fn world(model: &'static str) -> World {
    World {
        model,
        keys: 1,
        clients: 6,
        operations: 1500,
        lost: 20,
        values: None,
        telling: Telling::After,
    }
}

fn settings(model: &str) -> Settings {
    let settings = Settings::new(model.parse().unwrap(), object::initial(model));
    Settings { answers: Answers::After, ..settings }
}

fn answer(operations: &[Operation], model: &str) -> Answer {
    check(operations, &settings(model), &Budget::unlimited()).unwrap().answer
}

/// The operations of a counterexample, as it counts them.
fn retold(counterexample: &Counterexample, operations: &[Operation]) -> Vec<Operation> {
    let tell = |witness: &harness_history::Witness| {
        let named = |operation: &&Operation| operation.invoked.position == witness.invoked;
        let mut operation = operations.iter().find(named).unwrap().clone();
        operation.outcome = witness.outcome;
        if witness.outcome == Outcome::Info {
            operation.output = Value::Null;
            operation.completed = None;
        }
        operation
    };
    counterexample.operations.iter().map(tell).collect()
}

fn assert_caught(operations: &[Operation], model: &str, at_most: usize) {
    let Answer::Violation(counterexample) = answer(operations, model) else {
        panic!("{model}: not caught");
    };
    assert!(counterexample.operations.len() <= at_most, "{model}: {counterexample:#?}");
    let core = retold(&counterexample, operations);
    assert!(matches!(answer(&core, model), Answer::Violation(_)), "{model}: {counterexample:#?}");
}

fn end(operation: &Operation) -> usize {
    match operation.outcome {
        Outcome::Ok => operation.completed.unwrap().position,
        Outcome::Fail | Outcome::Info => usize::MAX,
    }
}

/// Indices of acknowledged operations of a function, in order of invocation.
fn acknowledged(operations: &[Operation], f: Function) -> Vec<usize> {
    let fits = |&i: &usize| operations[i].f == f && operations[i].outcome == Outcome::Ok;
    (0..operations.len()).filter(fits).collect()
}

/// The first acknowledged operation of a function that begins when another has ended, late in the
/// history.
fn later(operations: &[Operation], f: Function, after: usize) -> usize {
    let begins_later = |&i: &usize| operations[i].invoked.position > end(&operations[after]);
    acknowledged(operations, f).into_iter().find(begins_later).unwrap()
}

#[test]
fn a_stale_read_of_a_register_is_caught() {
    for (model, seed) in
        [("register", 1), ("cas-register", 2), ("register", 3), ("cas-register", 4)]
    {
        let mut operations = world(model).history(seed);
        // Each value is written once. The second write begins after the first ended, and the read
        // after the second, so it cannot see the first's.
        let first = acknowledged(&operations, Function::Write)[150];
        let second = later(&operations, Function::Write, first);
        let read = later(&operations, Function::Read, second);
        operations[read].output = operations[first].input.clone();
        assert_caught(&operations, model, 5);
    }
}

#[test]
fn a_version_that_goes_back_is_caught() {
    for seed in 0..4 {
        let mut operations = world("versioned-cas").history(seed);
        // Versions never shrink, and the write between the reads makes them differ.
        let old = acknowledged(&operations, Function::Read)[200];
        let write = later(&operations, Function::Write, old);
        let new = later(&operations, Function::Read, write);
        operations[new].output = operations[old].output.clone();
        assert_caught(&operations, "versioned-cas", 5);
    }
}

#[test]
fn a_lost_append_is_caught() {
    for seed in 0..4 {
        let mut operations = world("append").history(seed);
        // The append was acknowledged before the read began, and its element appended once.
        let append = acknowledged(&operations, Function::Append)[200];
        let read = later(&operations, Function::Read, append);
        let element = operations[append].input.clone();
        operations[read].output.as_array_mut().unwrap().retain(|item| *item != element);
        assert_caught(&operations, "append", 5);
    }
}

#[test]
fn an_element_appended_once_and_read_twice_is_caught() {
    for seed in 0..4 {
        let mut operations = world("append").history(seed);
        // A single append has this element, whatever became of the others.
        let append = acknowledged(&operations, Function::Append)[200];
        let read = later(&operations, Function::Read, append);
        let element = operations[append].input.clone();
        operations[read].output.as_array_mut().unwrap().push(element);
        assert_caught(&operations, "append", 5);
    }
}

#[test]
fn a_total_that_shrinks_is_caught() {
    for seed in 0..4 {
        let mut operations = world("counter").history(seed);
        // Nothing is ever subtracted, and the second read begins after the first ended.
        let first = acknowledged(&operations, Function::Read)[200];
        let second = later(&operations, Function::Read, first);
        let total = operations[first].output.as_i64().unwrap();
        operations[second].output = json!(total - 1);
        assert_caught(&operations, "counter", 5);
    }
}

#[test]
fn a_string_that_nobody_made_is_caught() {
    for seed in 0..2 {
        let world = World { operations: 200, telling: Telling::Nothing, ..world("kv-append") };
        let mut operations = world.history(seed);
        // Every content begins with a number, and this one with a full stop.
        let read = acknowledged(&operations, Function::Get)[30];
        operations[read].output = json!(format!(".{}", operations[read].output));
        assert_caught(&operations, "kv-append", 10);
    }
}
