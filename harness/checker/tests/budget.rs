//! A check that cannot be finished says so, and how far it came. It never guesses.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use harness_checker::{
    Answer, Budget, KeyOutcome, Limit, ModelKind, Settings, check, check_key, split,
};
use harness_history::{Function, Operation, Outcome, Point};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn operation(number: usize, f: Function, input: Value, output: Value, ends: usize) -> Operation {
    let point = |position| Point { position, time: position as u64 };
    Operation {
        process: number as u64,
        f,
        key: Some("k".into()),
        input,
        output,
        outcome: Outcome::Ok,
        invoked: point(number),
        completed: Some(point(ends)),
        error: None,
    }
}

/// A read that no sum of concurrent additions gives, but that each of 2^40 of them might.
fn hard() -> Vec<Operation> {
    let add = |i: usize| operation(i, Function::Add, json!(3_u64 << i), Value::Null, 100 + i);
    let mut operations: Vec<_> = (0..40).map(add).collect();
    operations.push(operation(40, Function::Read, Value::Null, json!((3_u64 << 41) + 1), 99));
    operations
}

fn limit(budget: &Budget<'_>) -> Limit {
    let operations = hard();
    let histories = split(&operations, &Settings::new(ModelKind::Counter, json!(0))).unwrap();
    match check_key(&histories[0], budget).outcome {
        KeyOutcome::Unknown(undecided) => {
            assert_eq!((undecided.reached, undecided.last), (99, 139));
            undecided.limit
        }
        outcome @ (KeyOutcome::Linearizable | KeyOutcome::Violation(_)) => panic!("{outcome:?}"),
    }
}

#[test]
fn time_is_obeyed_inside_a_step() {
    let looks = AtomicU64::new(0);
    let clock = || Duration::from_millis(looks.fetch_add(1, Ordering::Relaxed));
    let budget = Budget { time: Duration::from_millis(20), memory: usize::MAX, clock: &clock };
    assert_eq!(limit(&budget), Limit::Time);
    assert_eq!(looks.load(Ordering::Relaxed), 21);
}

#[test]
fn memory_is_obeyed_inside_a_step() {
    let budget = Budget { memory: 1 << 20, ..Budget::unlimited() };
    assert_eq!(limit(&budget), Limit::Memory);
}

#[test]
fn more_open_calls_than_there_is_room_for_are_unknown() {
    let add = |i: usize| operation(i, Function::Add, json!(1), Value::Null, 1000 + i);
    let operations: Vec<_> = (0..129).map(add).collect();
    let settings = Settings::new(ModelKind::Counter, Value::Null);
    let check = check(&operations, &settings, &Budget::unlimited()).unwrap();
    let Answer::Unknown(why) = check.answer else { panic!("{check:?}") };
    assert_eq!(
        why,
        "key k: more than 128 calls are open at once; the furthest event reached is 128, the last is 1128"
    );
}

#[test]
fn a_violation_beats_an_unknown_key() {
    let mut operations = hard();
    let mut wrong = operation(200, Function::Read, Value::Null, json!(7), 201);
    wrong.key = Some("other".into());
    operations.push(wrong);
    let settings = Settings::new(ModelKind::Counter, Value::Null);
    let budget = Budget { memory: 1 << 20, ..Budget::unlimited() };
    let check = check(&operations, &settings, &budget).unwrap();
    assert_eq!(check.keys, 2);
    let Answer::Violation(counterexample) = check.answer else { panic!("{check:?}") };
    assert_eq!(counterexample.key.as_deref(), Some("other"));
}
