//! The checker agrees with trying every order, on small histories of every model and reading.
//! `FUZZ=1000000` tries as many.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod support;

use harness_checker::{Answer, Answers, Budget, FailedCas, ModelKind, NilRead, Settings, check};
use harness_history::{Function, Operation, Outcome, Point, operations};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use support::naive::{Reading, Told, linearizable};
use support::object;
use support::world::{Telling, World, spoil};

fn cases() -> u32 {
    std::env::var("FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(6000)
}

const ANSWERS: [Answers; 4] = [Answers::Auto, Answers::Echo, Answers::After, Answers::Before];
const TELLING: [Telling; 4] = [Telling::Nothing, Telling::Echo, Telling::After, Telling::Before];

fn world() -> impl Strategy<Value = World> {
    let models = proptest::sample::select(ModelKind::ALL.map(ModelKind::name).to_vec());
    let values = prop_oneof![Just(None), (1_u64..4).prop_map(Some)];
    let lost = prop_oneof![Just(0_u32), 100..500_u32];
    let telling = proptest::sample::select(TELLING.to_vec());
    (models, 2_u64..9, 2_usize..15, lost, values, telling).prop_map(
        |(model, clients, operations, lost, values, telling)| World {
            model,
            keys: 1,
            clients,
            operations,
            lost,
            values,
            telling,
        },
    )
}

/// What the checker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Valid,
    Invalid,
    /// The answers may be echoes or results.
    InDoubt,
    /// There is an answer whose meaning is unclear.
    Unclear,
}

fn said(operations: &[Operation], settings: &Settings) -> Said {
    match check(operations, settings, &Budget::unlimited()).map(|check| check.answer) {
        Ok(Answer::Valid) => Said::Valid,
        Ok(Answer::Violation(_)) => Said::Invalid,
        Ok(Answer::Unknown(why)) if why.contains("--answers echo") => Said::InDoubt,
        Ok(Answer::Unknown(why)) => panic!("{why}"),
        Err(_) => Said::Unclear,
    }
}

/// Changes that were told something.
fn told(operations: &[Operation]) -> impl Iterator<Item = &Operation> {
    operations.iter().filter(|operation| {
        let reading = matches!(operation.f, Function::Read | Function::Get);
        operation.outcome == Outcome::Ok && !reading && !operation.output.is_null()
    })
}

/// What is right by the rules that `Answers` writes down.
fn right(
    operations: &[Operation],
    initial: &Value,
    reading: &Reading<'_>,
    answers: Answers,
) -> Said {
    let by = |answers| {
        let legal = linearizable(operations, initial, &Reading { answers, ..*reading });
        if legal { Said::Valid } else { Said::Invalid }
    };
    let repeats = |operation: &Operation| operation.output == operation.input;
    let all_repeat = told(operations).all(repeats);
    // Only numbers can be both: an echo, and a total or a version.
    let countable = matches!(reading.model, "counter" | "versioned-cas");
    let numbers = || told(operations).filter(|told| countable && told.output.is_number());
    match (answers, reading.model) {
        (Answers::After, _) => by(Told::After),
        (Answers::Before, _) => by(Told::Before),
        (Answers::Echo, _) if !all_repeat => Said::Unclear,
        (Answers::Echo, _) => by(Told::Echo),
        (Answers::Auto, "register" | "cas-register" | "kv-append") if !all_repeat => Said::Unclear,
        (Answers::Auto, "append") if !all_repeat => by(Told::After),
        (Answers::Auto, _) if numbers().any(|told| !repeats(told)) => by(Told::After),
        (Answers::Auto, _) => {
            let any_pair = countable && !all_repeat;
            let last = numbers().filter_map(|told| told.completed).max();
            let echo = by(if any_pair { Told::After } else { Told::Echo });
            match last {
                Some(end) if echo == Said::Valid && !shown(operations, reading, end) => {
                    if by(Told::After) == Said::Valid { Said::Valid } else { Said::InDoubt }
                }
                _ => echo,
            }
        }
    }
}

/// Whether something looks at the object after an event.
fn shown(operations: &[Operation], reading: &Reading<'_>, end: Point) -> bool {
    operations.iter().filter(|operation| operation.invoked > end).any(|operation| {
        match (operation.f, operation.outcome) {
            (Function::Read | Function::Get, Outcome::Ok) => {
                !(operation.output.is_null() && reading.nil_read_tells_nothing)
            }
            (Function::Cas, Outcome::Fail) => operation.output.get("observed").is_some(),
            _ => false,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]
    #[test]
    fn agrees_with_trying_every_order(
        world in world(),
        seed in any::<u64>(),
        spoilt in prop_oneof![Just(0_usize), 0_usize..12],
        any_nil in any::<bool>(),
        mismatch in any::<bool>(),
        answers in proptest::sample::select(ANSWERS.to_vec()),
    ) {
        let mut events = world.events(seed);
        spoil(&mut events, spoilt, seed);
        // Swapping neighbours can make a process call twice at once; that is another test's matter.
        let Ok(operations) = operations(&events) else { return Ok(()) };
        let initial = object::initial(world.model);
        let settings = Settings {
            nil_read: if any_nil { NilRead::Any } else { NilRead::Null },
            failed_cas: if mismatch { FailedCas::Mismatch } else { FailedCas::Drop },
            answers,
            ..Settings::new(world.model.parse().unwrap(), initial.clone())
        };
        let reading = Reading {
            model: world.model,
            nil_read_tells_nothing: any_nil,
            refusals_are_mismatches: mismatch,
            answers: Told::Echo,
        };
        let expected = right(&operations, &initial, &reading, answers);
        prop_assert_eq!(said(&operations, &settings), expected, "{:#?}", operations);
    }
}

#[test]
fn the_comparison_sees_every_answer_for_every_model() {
    for model in ModelKind::ALL {
        let mut counts = BTreeMap::new();
        for seed in 0..1200 {
            let telling = TELLING[seed % 4];
            let world = World {
                model: model.name(),
                keys: 1,
                clients: 2 + seed as u64 % 7,
                operations: 7,
                lost: 200,
                values: Some(3),
                telling,
            };
            let mut events = world.events(seed as u64);
            spoil(&mut events, 8, seed as u64);
            let Ok(operations) = operations(&events) else { continue };
            let settings = Settings {
                answers: ANSWERS[seed / 4 % 4],
                ..Settings::new(model, object::initial(model.name()))
            };
            *counts.entry(format!("{:?}", said(&operations, &settings))).or_insert(0) += 1;
        }
        let often = |said: &str| counts.get(said).copied().unwrap_or(0) > 20;
        assert!(often("Valid") && often("Invalid") && often("Unclear"), "{model}: {counts:?}");
        let doubtful = matches!(model, ModelKind::Counter | ModelKind::VersionedCas);
        assert_eq!(counts.contains_key("InDoubt"), doubtful, "{model}: {counts:?}");
    }
}
