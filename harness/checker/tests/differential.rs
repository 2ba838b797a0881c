//! The checker agrees with trying every order, on small histories of every model and reading.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use harness_checker::{Answer, Budget, FailedCas, ModelKind, NilRead, Settings, check};
use harness_history::{Operation, operations};
use proptest::prelude::*;
use support::naive::{Reading, linearizable};
use support::object;
use support::world::{World, spoil};

fn world() -> impl Strategy<Value = World> {
    let models = proptest::sample::select(ModelKind::ALL.map(ModelKind::name).to_vec());
    let values = prop_oneof![Just(None), (1_u64..4).prop_map(Some)];
    (models, 2_u64..5, 2_usize..9, prop_oneof![Just(0_u32), 100..500_u32], values, any::<bool>())
        .prop_map(|(model, clients, operations, lost, values, telling)| World {
            model,
            keys: 1,
            clients,
            operations,
            lost,
            values,
            telling,
        })
}

fn valid(operations: &[Operation], settings: &Settings) -> bool {
    match check(operations, settings, &Budget::unlimited()).unwrap().answer {
        Answer::Valid => true,
        Answer::Violation(_) => false,
        Answer::Unknown(why) => panic!("{why}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]
    #[test]
    fn agrees_with_trying_every_order(
        world in world(),
        seed in any::<u64>(),
        spoilt in 0_usize..12,
        any_nil in any::<bool>(),
        mismatch in any::<bool>(),
    ) {
        let mut events = world.events(seed);
        spoil(&mut events, spoilt, seed);
        // Swapping neighbours can make a process call twice at once; that is another test's matter.
        let Ok(operations) = operations(&events) else { return Ok(()) };
        let settings = Settings {
            model: world.model.parse().unwrap(),
            initial: object::initial(world.model),
            nil_read: if any_nil { NilRead::Any } else { NilRead::Null },
            failed_cas: if mismatch { FailedCas::Mismatch } else { FailedCas::Drop },
        };
        let reading = Reading {
            model: world.model,
            nil_read_tells_nothing: any_nil,
            refusals_are_mismatches: mismatch,
        };
        let expected = linearizable(&operations, &settings.initial, &reading);
        prop_assert_eq!(valid(&operations, &settings), expected, "{:#?}", operations);
    }
}

#[test]
fn the_comparison_sees_both_answers_for_every_model() {
    for model in ModelKind::ALL {
        let world = World {
            model: model.name(),
            keys: 1,
            clients: 4,
            operations: 7,
            lost: 200,
            values: Some(3),
            telling: false,
        };
        let settings = Settings::new(model, object::initial(model.name()));
        let answers: Vec<_> = (0..400)
            .filter_map(|seed| {
                let mut events = world.events(seed);
                spoil(&mut events, 8, seed);
                operations(&events).ok().map(|operations| valid(&operations, &settings))
            })
            .collect();
        let valid = answers.iter().filter(|&&valid| valid).count();
        assert!(valid > 20 && valid < answers.len() - 20, "{model}: {valid} of {}", answers.len());
    }
}
