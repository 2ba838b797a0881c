//! How fast the swarm runs and what it covers:
//! `cargo run --release -p harness-sim --example rate -- [seeds] [threads] [scenario]`.

#![expect(clippy::print_stdout, reason = "this is a program for people")]
#![expect(clippy::disallowed_methods, reason = "the world has no clock; here it is measured")]

use harness_checker::Answer;
use harness_sim::{Counts, Coverage, Detail, SimScenario, Situation, judge, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

#[derive(Default)]
struct Totals {
    counts: Counts,
    coverage: Coverage,
    violations: Vec<(u64, String)>,
    undecided: Vec<u64>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |number| std::env::args().nth(number);
    let seeds: u64 = argument(1).map_or(Ok(10_000), |text| text.parse())?;
    let threads: u64 = argument(2).map_or(Ok(2), |text| text.parse())?;
    let scenario = SimScenario::named(argument(3).as_deref().unwrap_or("swarm"))?;
    let (start, next, totals) = (Instant::now(), AtomicU64::new(1), Mutex::new(Totals::default()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mine = work(seeds, &scenario, &next);
                let mut totals = totals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                totals.counts.add(&mine.counts);
                totals.coverage.add(&mine.coverage);
                totals.violations.extend(mine.violations);
                totals.undecided.extend(mine.undecided);
            });
        }
    });
    let elapsed = start.elapsed().as_secs_f64();
    let totals = totals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let rate = totals.counts.operations as f64 / elapsed;
    println!(
        "{seeds} seeds in {elapsed:.1} s on {threads} threads: {rate:.0} client operations a second"
    );
    println!("{:#?}", totals.counts);
    for situation in Situation::ALL {
        println!("{:>10}  {situation}", totals.coverage.of(situation));
    }
    println!("violations: {:?}", totals.violations);
    println!("undecided: {:?}", totals.undecided);
    Ok(())
}

fn work(seeds: u64, scenario: &SimScenario, next: &AtomicU64) -> Totals {
    let mut totals = Totals::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed > seeds {
            return totals;
        }
        let run = run(seed, scenario, Detail::Verdict);
        totals.counts.add(&run.counts);
        totals.coverage.add(&run.coverage);
        match judge(&run).map(|check| check.answer) {
            Ok(Answer::Valid) => {}
            Ok(Answer::Violation(proof)) => totals.violations.push((seed, proof.sentence)),
            Ok(Answer::Unknown(_)) => totals.undecided.push(seed),
            Err(error) => totals.violations.push((seed, error.to_string())),
        }
    }
}
