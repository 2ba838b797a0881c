//! Histories that are linearizable by construction are called so, however large. `SOAK=20` runs
//! twenty times as many.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use harness_checker::{Answer, Answers, Budget, FailedCas, ModelKind, Settings, check};
use support::object;
use support::world::{Telling, World};

fn soak() -> usize {
    std::env::var("SOAK").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

fn assert_valid(world: &World, failed_cas: FailedCas, number: usize) {
    let seed = number as u64;
    let settings = Settings {
        failed_cas,
        answers: Answers::After,
        ..Settings::new(world.model.parse().unwrap(), object::initial(world.model))
    };
    let check = check(&world.history(seed), &settings, &Budget::unlimited()).unwrap();
    assert_eq!(check.operations, world.operations);
    assert_eq!(check.answer, Answer::Valid, "{world:?} {failed_cas:?} seed {seed}");
}

/// Many histories of each model: few and many clients, few and many values, answers lost and not.
#[test]
fn every_model_is_valid_by_construction() {
    for (model, number) in ModelKind::ALL.into_iter().cycle().zip(0_usize..432 * soak()) {
        let few_clients = model == ModelKind::KvAppend;
        let world = World {
            model: model.name(),
            keys: 1,
            clients: [3, if few_clients { 5 } else { 8 }, if few_clients { 6 } else { 15 }]
                [number / 6 % 3],
            operations: 500,
            lost: [0, 10, 50][number / 18 % 3],
            values: [None, Some(5)][number / 54 % 2],
            telling: [Telling::After, Telling::Nothing][number / 108 % 2],
        };
        assert_valid(&world, FailedCas::Drop, number);
        assert_valid(&world, FailedCas::Mismatch, number);
    }
}

/// The rules that leave out crashed calls show their mistakes only in long histories.
#[test]
fn long_histories_are_valid_by_construction() {
    for (model, values) in [
        (ModelKind::Register, None),
        (ModelKind::CasRegister, None),
        (ModelKind::VersionedCas, None),
        (ModelKind::Register, Some(5)),
        (ModelKind::CasRegister, Some(5)),
    ] {
        let world = World {
            model: model.name(),
            keys: 4,
            clients: 20,
            operations: 25_000,
            lost: 30,
            values,
            telling: if model == ModelKind::VersionedCas {
                Telling::After
            } else {
                Telling::Nothing
            },
        };
        (0..soak()).for_each(|seed| assert_valid(&world, FailedCas::Drop, seed));
    }
    let world = World {
        model: "append",
        keys: 5,
        clients: 20,
        operations: 4_000,
        lost: 30,
        values: None,
        telling: Telling::Nothing,
    };
    (0..soak()).for_each(|seed| assert_valid(&world, FailedCas::Drop, seed));
    let world = World { model: "counter", operations: 10_000, telling: Telling::After, ..world };
    (0..soak()).for_each(|seed| assert_valid(&world, FailedCas::Drop, seed));
}
