//! `harness mutants --real`: how often, and how soon, whole runs on real sockets and servers find each
//! mutant. Detection is a figure of the harness: the defaults of `harness run` are chosen by it.

use super::chosen;
use crate::args::MutantsArgs;
use crate::exit::Failure;
use crate::parallel::in_order;
use crate::progress::say;
use harness_history::Verdict;
use reports::Results;
use std::process::{Command, Stdio};
use workloads::{Mutant, Workload};

/// A mutant is found reliably when so large a share of the runs finds it.
const RELIABLE: f64 = 0.8;

/// One run.
#[derive(Debug, Clone, Copy)]
struct Planned {
    mutant: Mutant,
    workload: Workload,
    seed: u64,
}

/// The seconds of load after which a run had found its mutant, if it has.
type Found = Option<f64>;

/// A mutant under a workload, and what came of it seed by seed.
struct Row {
    mutant: Mutant,
    workload: Workload,
    found: Vec<Found>,
}

impl Row {
    fn is_reliable(&self) -> bool {
        self.found.iter().flatten().count() as f64 >= RELIABLE * self.found.len() as f64
    }

    fn line(&self) -> String {
        let mut seconds: Vec<f64> = self.found.iter().flatten().copied().collect();
        seconds.sort_by(f64::total_cmp);
        let (found, of) = (seconds.len(), self.found.len());
        let median = seconds.get(found / 2).map(|seconds| format!("{seconds:.0}"));
        let median = median.unwrap_or_else(|| String::from("–"));
        format!("| `{}` | {} | {found} of {of} | {median} |\n", self.mutant, self.workload)
    }
}

/// Runs every mutant under every workload, and answers the table, and what was not found reliably.
pub(super) fn real(args: &MutantsArgs) -> Result<(String, Vec<String>), Failure> {
    let mut planned = Vec::new();
    for mutant in chosen(&args.mutants, Mutant::ALL.iter().copied())? {
        for &workload in &args.workload {
            let seeds = args.seeds.first..=args.seeds.last;
            planned.extend(seeds.map(|seed| Planned { mutant, workload, seed }));
        }
    }
    let found = in_order(args.jobs.into(), &planned, |planned| run(args, planned))?;
    let mut rows: Vec<Row> = Vec::new();
    for (Planned { mutant, workload, .. }, found) in planned.into_iter().zip(found) {
        match rows.last_mut() {
            Some(row) if row.mutant == mutant && row.workload == workload => row.found.push(found),
            Some(_) | None => rows.push(Row { mutant, workload, found: vec![found] }),
        }
    }
    let title = format!(
        "| mutant | workload | runs of {} in `{}` that found it | after, s (median) |\n|---|---|---|---|\n",
        args.time, args.environment
    );
    let unreliable = rows.iter().filter(|row| !row.is_reliable());
    let unreliable = unreliable.map(|row| format!("{} by {}", row.mutant, row.workload)).collect();
    Ok((rows.iter().fold(title, |table, row| table + &row.line()), unreliable))
}

/// One run, in a process of its own: it cleans up after itself also when this one is interrupted.
fn run(args: &MutantsArgs, planned: &Planned) -> Result<Found, Failure> {
    let Planned { mutant, workload, seed } = planned;
    let output = args.output.join(format!("{mutant}-{workload}-{seed}"));
    let ended = Command::new(std::env::current_exe()?)
        .args(["run", workload.name(), "--mutant", mutant.name(), "--json"])
        .args(["--environment", args.environment.name(), "--seed", &seed.to_string()])
        .args(["--time", &args.time.to_string(), "--output"])
        .arg(output)
        .stdin(Stdio::null())
        .output()?;
    let Ok(results) = serde_json::from_slice::<Results>(&ended.stdout) else {
        let said = String::from_utf8_lossy(&ended.stderr);
        let last = said.lines().next_back().unwrap_or("it said nothing");
        return Err(Failure::usage(format!("{mutant} by {workload}, seed {seed}: {last}")));
    };
    let found = found(*mutant, &results);
    let words = match found {
        Some(seconds) => format!("found after {seconds:.0} s"),
        None => format!("not found ({})", results.verdict),
    };
    say(format!("{mutant} by {workload}, seed {seed}: {words}"));
    Ok(found)
}

/// When a run had found its mutant: a violation, as soon as its last call was answered. The nemesis that is
/// broken makes no violation: it is found when the run is not valid.
fn found(mutant: Mutant, results: &Results) -> Found {
    if mutant == Mutant::Misaimed {
        return (results.verdict == Verdict::Inconclusive).then_some(results.metadata.seconds);
    }
    let witnesses = &results.check.counterexample.as_ref()?.operations;
    let times = witnesses.iter().map(|it| it.completed_time.unwrap_or(it.invoked_time));
    times.max().map(|nanoseconds| nanoseconds as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_often_and_how_soon_and_what_is_reliable() {
        let row = |found: &[Found]| Row {
            mutant: Mutant::ReusedBallot,
            workload: Workload::Append,
            found: found.to_vec(),
        };
        let most = row(&[Some(9.2), None, Some(3.4), Some(50.0), Some(4.0)]);
        assert_eq!(most.line(), "| `reused-ballot` | append | 4 of 5 | 9 |\n");
        assert!(most.is_reliable());
        assert!(!row(&[Some(9.2), None, Some(3.4), None, Some(4.0)]).is_reliable());
        assert_eq!(row(&[None]).line(), "| `reused-ballot` | append | 0 of 1 | – |\n");
    }
}
