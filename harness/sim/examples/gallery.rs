//! How soon each mutant is seen, and the case that its first violation shrinks to:
//! `cargo run --release -p harness-sim --example gallery -- [mutant] [campaigns] [most seeds]`.

#![expect(clippy::print_stdout, reason = "this is a program for people")]
#![expect(clippy::disallowed_methods, reason = "the world has no clock; here it is measured")]

use harness_sim::{Detail, Mutant, SimScenario, exhibit, run, shrink};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |number| std::env::args().nth(number);
    let only = argument(1).filter(|name| name != "all");
    let campaigns: u64 = argument(2).map_or(Ok(5), |text| text.parse())?;
    let most: u64 = argument(3).map_or(Ok(2000), |text| text.parse())?;
    println!(
        "| mutant | seeds: median, worst | operations: median, worst | ms a campaign | shrunk to: operations, links, messages, faults |"
    );
    println!("|---|---|---|---|---|");
    for mutant in
        Mutant::all().filter(|mutant| only.as_deref().is_none_or(|name| name == mutant.name()))
    {
        let start = Instant::now();
        let exhibit = exhibit(mutant, campaigns, most)?;
        let time = start.elapsed().as_secs_f64() * 1000.0 / campaigns as f64;
        let (seeds, operations) = (exhibit.seeds(), exhibit.operations());
        let escaped = if exhibit.escapes() > 0 {
            format!(" ESCAPED {}", exhibit.escapes())
        } else {
            String::new()
        };
        let start = Instant::now();
        let mut told = String::from("–");
        let mut trace = String::new();
        if let Some(seed) = exhibit.campaigns.iter().find_map(|campaign| campaign.seed) {
            let scenario = SimScenario::swarm().with_mutant(mutant);
            let run = run(seed, &scenario, Detail::Everything);
            if let Some(small) = run.case.as_ref().and_then(|case| shrink(case, 5000)) {
                let case = &small.case;
                told = format!(
                    "{}, {}, {}, {} (seed {seed}, {} tried, {:.1} s)",
                    case.operations.len(),
                    case.disturbed_links().len(),
                    case.disturbed.len(),
                    case.faults().len(),
                    small.tried,
                    start.elapsed().as_secs_f64(),
                );
                trace = format!(
                    "{}\n{:#?}\n{}",
                    small.counterexample.sentence,
                    case.disturbed
                        .iter()
                        .map(|one| format!("{}: {}", one.message, one.fate))
                        .collect::<Vec<_>>(),
                    small.run.trace.join("\n")
                );
            }
        }
        println!(
            "| {mutant:?} | {}, {}{escaped} | {}, {} | {time:.0} | {told} |",
            seeds.0, seeds.1, operations.0, operations.1
        );
        if only.is_some() {
            println!("{trace}");
        }
    }
    Ok(())
}
