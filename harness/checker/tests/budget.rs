//! A check that cannot be finished says so, and how far it came. It never guesses.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use harness_checker::{
    Answer, Budget, KeyOutcome, Limit, ModelKind, Settings, check, check_key, split,
};
use harness_history::{Counterexample, Function, Operation, Outcome, Point};
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

/// Writes of unique values and reads of them, one after the other; at last the first value is read
/// again, which all the others have replaced.
fn long_violation(calls: usize) -> Vec<Operation> {
    let call = |number: usize| {
        let value = json!(number / 2);
        let (invoked, ends) = (2 * number, 2 * number + 1);
        let mut operation = if number == calls - 1 {
            operation(invoked, Function::Read, Value::Null, json!(0), ends)
        } else if number.is_multiple_of(2) {
            operation(invoked, Function::Write, value, Value::Null, ends)
        } else {
            operation(invoked, Function::Read, Value::Null, value, ends)
        };
        operation.process = number as u64 % 5;
        operation
    };
    (0..calls).map(call).collect()
}

fn explained(operations: &[Operation], budget: &Budget<'_>) -> Counterexample {
    let settings = Settings::new(ModelKind::Register, Value::Null);
    let histories = split(operations, &settings).unwrap();
    match check_key(&histories[0], budget).outcome {
        KeyOutcome::Violation(counterexample) => counterexample,
        outcome @ (KeyOutcome::Linearizable | KeyOutcome::Unknown(_)) => panic!("{outcome:?}"),
    }
}

#[test]
fn a_long_violation_is_told_in_a_few_calls() {
    let counterexample = explained(&long_violation(400_000), &Budget::unlimited());
    assert!(counterexample.operations.len() <= 3, "{}", counterexample.operations.len());
}

#[test]
fn explaining_ends_with_the_time_and_tells_twenty_calls_at_most() {
    // The clock is looked at now and then; at every look but the first few no time is left.
    for looks in [0, 1, 2, 3, 5, 8, 13] {
        let seen = AtomicU64::new(0);
        let clock = || {
            let late = seen.fetch_add(1, Ordering::Relaxed) >= looks;
            if late { Duration::MAX } else { Duration::ZERO }
        };
        let budget = Budget { time: Duration::from_secs(1), memory: usize::MAX, clock: &clock };
        let counterexample = explained(&long_violation(20_000), &budget);
        let told = &counterexample.operations;
        assert!(told.len() <= 20 && counterexample.story.len() < 40, "{looks}: {}", told.len());
        assert_eq!(told[counterexample.failing].call, "read", "{looks}");
        assert!(counterexample.sentence.contains("read 0"), "{}", counterexample.sentence);
        if told.len() == 20 {
            let untold = counterexample.story.iter().any(|step| step.contains("not told here"));
            assert!(untold, "{:?}", counterexample.story);
        }
    }
}
