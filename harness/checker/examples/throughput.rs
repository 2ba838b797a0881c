//! How fast histories are decided: `cargo run --release -p harness-checker --example throughput`.

#![expect(clippy::print_stdout, reason = "this is a program for people")]
#![expect(
    clippy::disallowed_methods,
    reason = "the checker is handed the time; here it is measured"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use harness_checker::{Answer, Answers, Budget, FailedCas, Settings, check};
use harness_history::{Function, Operation, Outcome};
use std::time::{Duration, Instant};
use support::object;
use support::world::{Telling, World};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:<78} {:>9} {:>14} {:>9}", "history", "time", "configurations", "answer");
    let only = std::env::args().nth(1);
    for (model, operations, keys, clients, lost, values) in [
        ("cas-register", 10_000, 1, 10, 0, None),
        ("cas-register", 10_000, 1, 10, 50, Some(5)),
        ("cas-register", 100_000, 1, 10, 0, None),
        ("cas-register", 100_000, 1, 10, 20, None),
        ("cas-register", 1_000_000, 100, 20, 0, None),
        ("cas-register", 1_000_000, 100, 20, 50, Some(5)),
        ("cas-register", 100_000, 10, 20, 50, Some(5)),
        ("register", 50_000, 1, 20, 50, Some(5)),
        ("versioned-cas", 50_000, 1, 20, 50, None),
        ("versioned-cas", 50_000, 1, 20, 50, Some(5)),
        ("counter", 50_000, 1, 5, 10, None),
        ("counter", 50_000, 1, 10, 10, None),
        ("counter", 50_000, 1, 20, 10, None),
        ("append", 5_000, 1, 20, 50, None),
        ("kv-append", 2_000, 1, 8, 50, None),
    ] {
        for (failed_cas, telling) in [
            (FailedCas::Drop, Telling::Nothing),
            (FailedCas::Drop, Telling::After),
            (FailedCas::Mismatch, Telling::Nothing),
        ] {
            if only.as_deref().is_some_and(|only| only != model) {
                continue;
            }
            let world = World { model, keys, clients, operations, lost, values, telling };
            if failed_cas == FailedCas::Drop || model == "cas-register" {
                measure(&world, failed_cas, false)?;
                if keys == 1 {
                    measure(&world, failed_cas, true)?;
                }
            }
        }
    }
    Ok(())
}

fn measure(
    world: &World,
    failed_cas: FailedCas,
    spoilt: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings {
        failed_cas,
        answers: Answers::After,
        ..Settings::new(world.model.parse()?, object::initial(world.model))
    };
    let mut operations = world.history(1);
    if spoilt {
        spoil_late_read(&mut operations);
    }
    let start = Instant::now();
    let budget =
        Budget { time: Duration::from_secs(30), memory: 2 << 30, clock: &|| start.elapsed() };
    let check = check(&operations, &settings, &budget)?;
    let answer = match check.answer {
        Answer::Valid => "valid".to_owned(),
        Answer::Violation(proof) => format!("violation in {}", proof.operations.len()),
        Answer::Unknown(_) => "unknown".to_owned(),
    };
    let values = world.values.map_or_else(|| "unique".to_owned(), |values| format!("0..{values}"));
    let World { model, keys, clients, operations, lost, telling, .. } = world;
    let name = format!(
        "{model} {operations} ops, {keys} keys, {clients} clients, {lost}‰ lost, {values}, {failed_cas:?}, told {telling:?}"
    );
    println!("{name:<78} {:>9.3?} {:>14} {answer:>9}", start.elapsed(), check.configurations);
    Ok(())
}

/// Gives a read in the last tenth the answer of one in the middle.
fn spoil_late_read(operations: &mut [Operation]) {
    let read = |operation: &Operation| {
        let reads = matches!(operation.f, Function::Read | Function::Get);
        reads && operation.outcome == Outcome::Ok
    };
    let (middle, late) = (operations.len() / 2, operations.len() / 10 * 9);
    let old = operations[middle..].iter().find(|operation| read(operation));
    let Some(output) = old.map(|operation| operation.output.clone()) else { return };
    if let Some(late) = operations[late..].iter_mut().find(|operation| read(operation)) {
        late.output = output;
    }
}
