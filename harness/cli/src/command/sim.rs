//! `harness sim`

use super::report::program;
use super::{print, print_json};
use crate::args::{Seeds, SimArgs};
use crate::campaign::{Plan, Totals, campaign};
use crate::exit::{End, Failure};
use crate::progress::say;
use crate::simulated_run::Failure as FailedRun;
use harness_history::Verdict;
use harness_sim::{
    BUILT_IN, Calls, Detail, Expected, RealSchedule, SimScenario, Situation, judge, real_schedule,
    run, shrink,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::thread;
use workloads::{Befalls, Draft, EnvironmentKind, FaultKind, Scenario, Span, Workload};

/// The name that stands for every scenario of the published simulation.
const PUBLISHED: &str = "published";
/// How many candidates the shrinker may run.
const CANDIDATES: usize = 20_000;

/// What `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    verdict: Verdict,
    scenario: &'a str,
    seeds: u64,
    operations: u64,
    ok: u64,
    fail: u64,
    info: u64,
    messages: u64,
    disturbed: &'a BTreeMap<&'static str, u64>,
    faults: &'a BTreeMap<&'static str, u64>,
    /// Faults of a run of real servers that were not played, by their kinds.
    left_out: BTreeMap<&'static str, usize>,
    coverage: BTreeMap<String, u64>,
    undecided: &'a [u64],
    violating_seed: Option<u64>,
    seconds: f64,
    operations_per_second: f64,
}

pub(super) fn sim(args: &SimArgs) -> Result<End, Failure> {
    if args.scenario == PUBLISHED {
        if args.json || args.trace || args.schedule.is_some() {
            let problem =
                "published is many scenarios: --json, --trace and --schedule are about one of them";
            return Err(Failure::usage(problem));
        }
        return published(args);
    }
    let scenario = scenario(args, &args.scenario)?;
    if args.trace {
        return trace(args, &scenario);
    }
    if let Some(file) = &args.schedule {
        return schedule(args, &scenario, file);
    }
    let totals = campaign(&scenario, plan(args, &scenario))?;
    let verdict = verdict(&totals);
    if args.json {
        print_json(&output(&scenario, &totals, verdict))?;
    } else {
        print(&summary(&scenario, &totals, verdict))?;
    }
    if let Some(seed) = totals.violation {
        explain(args, &scenario, seed, totals.seconds)?;
    }
    Ok(End::Judged(verdict))
}

/// A scenario that comes along, or a file, with a mutant if one is asked for.
fn scenario(args: &SimArgs, name: &str) -> Result<SimScenario, Failure> {
    let scenario = if Path::new(name).is_file() {
        let text = std::fs::read_to_string(name)
            .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        if is_of_real_servers(&text) {
            Ok(of_real_run(name, &real(name, &text)?)?)
        } else {
            SimScenario::parse(name, &text)
        }
    } else {
        SimScenario::named(name)
    };
    let scenario = scenario.map_err(Failure::usage)?;
    Ok(match args.mutant {
        Some(mutant) => scenario.with_mutant(mutant),
        None => scenario,
    })
}

/// Scenarios of real runs name a workload; those of the world describe one.
fn is_of_real_servers(text: &str) -> bool {
    text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("workload"))
}

/// The world of a real run, and what of it is left out, said.
fn of_real_run(name: &str, real: &Scenario) -> Result<SimScenario, Failure> {
    let scenario = SimScenario::of_real_run(name, real);
    let without = left_out(&scenario);
    if !without.is_empty() && scenario.setup(1).faults.is_empty() {
        return Err(Failure::usage(format!(
            "{name}: the seeded world can do none of its faults ({without}); run it on real servers: {} run {name}",
            program()
        )));
    }
    if !without.is_empty() {
        say(format!("left out, because the seeded world does not do it: {without}"));
    }
    let Some(mutant) = real.mutant else { return Ok(scenario) };
    match mutant.name().parse() {
        Ok(mutant) => Ok(scenario.with_mutant(mutant)),
        Err(_) => Err(Failure::usage(format!(
            "{name}: mutant: the seeded world cannot break {mutant}; leave it out, or see {} mutants --list",
            program()
        ))),
    }
}

/// The faults of a real run that the world does not play, in words.
fn left_out(scenario: &SimScenario) -> String {
    let counts = scenario.left_out.iter().map(|(kind, count)| format!("{count} {kind}"));
    counts.collect::<Vec<_>>().join(", ")
}

fn real(name: &str, text: &str) -> Result<Scenario, Failure> {
    let draft = Draft::parse(text, name).map_err(Failure::usage)?;
    let environment = draft.environment.unwrap_or(EnvironmentKind::Process);
    let seed = draft.seed.unwrap_or(1);
    // The world can do what every environment can.
    let able = FaultKind::ALL;
    draft.settle(environment, able, seed, Some((name, text))).map_err(Failure::usage)
}

fn plan(args: &SimArgs, scenario: &SimScenario) -> Plan {
    let last = if args.time.is_some() { u64::MAX - 1 } else { scenario.seeds };
    let Seeds { first, last } = args.seeds.unwrap_or(Seeds { first: 1, last });
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.jobs.map_or(cores, usize::from);
    Plan { first, last, time: args.time.map(Into::into), jobs }
}

fn verdict(totals: &Totals) -> Verdict {
    if totals.violation.is_some() {
        Verdict::Invalid
    } else if !totals.undecided.is_empty() {
        Verdict::Unknown
    } else if totals.counts.ok == 0 {
        Verdict::Inconclusive
    } else {
        Verdict::Valid
    }
}

fn output<'a>(scenario: &'a SimScenario, totals: &'a Totals, verdict: Verdict) -> Output<'a> {
    let coverage = Situation::ALL
        .into_iter()
        .map(|situation| (situation.to_string(), totals.coverage.of(situation)));
    Output {
        verdict,
        scenario: &scenario.name,
        seeds: totals.seeds,
        operations: totals.counts.operations,
        ok: totals.counts.ok,
        fail: totals.counts.fail,
        info: totals.counts.info,
        messages: totals.counts.messages,
        disturbed: &totals.counts.disturbed,
        faults: &totals.counts.faults,
        left_out: scenario.left_out.iter().map(|(kind, count)| (kind.name(), *count)).collect(),
        coverage: coverage.collect(),
        undecided: &totals.undecided,
        violating_seed: totals.violation,
        seconds: totals.seconds,
        operations_per_second: totals.counts.operations as f64 / totals.seconds.max(1e-9),
    }
}

fn summary(scenario: &SimScenario, totals: &Totals, verdict: Verdict) -> String {
    let (word, name, seeds) = (verdict.name().to_uppercase(), &scenario.name, totals.seeds);
    let found = match (totals.violation, verdict) {
        (Some(seed), _) => format!("seed {seed} of {name} violates linearizability"),
        (None, Verdict::Unknown) => format!(
            "no violation seen in {seeds} seeds of {name}, but {} could not be decided: {:?}",
            totals.undecided.len(),
            totals.undecided
        ),
        (None, Verdict::Inconclusive) => format!("nothing succeeded in {seeds} seeds of {name}"),
        (None, _) => format!("no violation in {seeds} seeds of {name}"),
    };
    let without = match left_out(scenario) {
        names if names.is_empty() => names,
        names => format!("; left out, and not judged: {names}"),
    };
    let counts = &totals.counts;
    let mut text = format!(
        "{word}: {found}{without}\n{} operations: {} ok, {} fail, {} info; {} messages; {:.1} s, {:.0} operations a second\n",
        counts.operations,
        counts.ok,
        counts.fail,
        counts.info,
        counts.messages,
        totals.seconds,
        counts.operations as f64 / totals.seconds.max(1e-9),
    );
    for (heading, counted) in [("messages", &counts.disturbed), ("faults", &counts.faults)] {
        let parts: Vec<_> = counted.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        text += &format!(
            "{heading}: {}\n",
            if parts.is_empty() { "none disturbed".into() } else { parts.join(", ") }
        );
    }
    text += "situations of the protocol\n";
    for situation in Situation::ALL {
        text += &format!("{:>12}  {situation}\n", totals.coverage.of(situation));
    }
    text
}

/// Repeats a failing seed with everything written down, shrinks it, and keeps both.
fn explain(args: &SimArgs, scenario: &SimScenario, seed: u64, seconds: f64) -> Result<(), Failure> {
    let run = run(seed, scenario, Detail::Everything);
    let check = judge(&run)?;
    let Some(shrunk) = run.case.as_ref().and_then(|case| shrink(case, CANDIDATES)) else {
        return Err(anyhow::anyhow!("seed {seed} could not be run again as a case").into());
    };
    let mutant =
        args.mutant.map_or_else(String::new, |mutant| format!(" --mutant {}", mutant.name()));
    let rerun = format!("{} sim {} --seeds {seed}{mutant}", program(), scenario.name);
    let failed =
        FailedRun { scenario: &scenario.name, run: &run, check: &check, shrunk: &shrunk, seconds };
    let (directory, results, report) = failed.keep(&args.output, rerun)?;
    if !args.json {
        let (calls, links) = (shrunk.case.operations.len(), shrunk.case.disturbed_links().len());
        let mut text = format!(
            "\n{}\nshrunk to {calls} calls and {links} disturbed links, after {} trials\n",
            results.reason, shrunk.tried
        );
        for (number, step) in shrunk.counterexample.story.iter().enumerate() {
            text += &format!("  {}. {step}\n", number + 1);
        }
        text += &format!(
            "\nRerun: {}\nReplay: {} replay {}\n",
            results.rerun,
            program(),
            directory.path().display()
        );
        print(&text)?;
    }
    say(format!("report: {}", report.display()));
    Ok(())
}

/// Prints one run, message by message.
fn trace(args: &SimArgs, scenario: &SimScenario) -> Result<End, Failure> {
    let seed = one_seed(args, "--trace")?;
    let run = run(seed, scenario, Detail::Everything);
    print(&traced(&run.trace))?;
    let check = judge(&run)?;
    let verdict = harness_sim::verdict(&check);
    say(format!("{verdict}: seed {seed} of {}", scenario.name));
    Ok(End::Judged(verdict))
}

fn one_seed(args: &SimArgs, flag: &str) -> Result<u64, Failure> {
    match args.seeds {
        Some(Seeds { first, last }) if first == last => Ok(first),
        _ => Err(Failure::usage(format!(
            "{flag} is about one seed: say --seeds with one, such as --seeds 7"
        ))),
    }
}

/// Writes the faults of a seed as a scenario for real servers, and says what they cannot do.
fn schedule(args: &SimArgs, scenario: &SimScenario, file: &Path) -> Result<End, Failure> {
    let seed = one_seed(args, "--schedule")?;
    let setup = scenario.setup(seed);
    let workload = match setup.load.calls {
        Calls::CasRegister | Calls::VersionedLoop => Workload::CasRegister,
        Calls::Append => Workload::Append,
        Calls::Increment => Workload::Increment,
    };
    let (steady, quiet) = (Span::seconds(2), Span::seconds(5));
    let RealSchedule { faults, left_out } = real_schedule(&setup.faults, steady, args.stretch);
    let last = faults.last().map_or(steady.as_millis(), |f| f.at.as_millis() + f.lasts.as_millis());
    let draft = Draft {
        workload: Some(workload),
        nodes: Some(setup.acceptors.max(setup.proposers)),
        concurrency: Some(setup.clients.max(setup.acceptors.max(setup.proposers))),
        keys: Some(setup.load.keys),
        time: Some(Span::millis(last + quiet.as_millis())),
        quiet: Some(quiet),
        seed: Some(seed),
        schedule: Some(faults),
        ..Draft::default()
    };
    let process = EnvironmentKind::Process;
    // Those that come without proposers of their own.
    let able: Vec<_> = FaultKind::ALL.iter().copied().filter(|kind| !of_proposers(*kind)).collect();
    let real = draft.settle(process, &able, seed, None).map_err(Failure::usage)?;
    std::fs::write(file, real.to_toml()?)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    for what in &left_out {
        say(format!("left out, because no real environment does it: {what}"));
    }
    let (kept, file) = (real.schedule.len(), file.display());
    print(&format!("{kept} faults of seed {seed} in {file}; run it: {} run {file}\n", program()))?;
    Ok(End::Done)
}

fn of_proposers(kind: FaultKind) -> bool {
    kind.befalls() == Befalls::Proposer
}

pub(super) fn traced(trace: &[String]) -> String {
    trace.iter().fold(String::new(), |text, line| text + line + "\n")
}

/// Runs every scenario of the published simulation, and holds each to what it must come to.
fn published(args: &SimArgs) -> Result<End, Failure> {
    let mut text = format!(
        "{:<24} {:>6} {:>10}  {:<8} as it must be\n",
        "scenario", "seeds", "operations", "verdict"
    );
    let (mut wrong, mut seconds) = (false, 0.0);
    for (name, _) in BUILT_IN {
        let scenario = scenario(args, name)?;
        let totals = campaign(&scenario, plan(args, &scenario))?;
        let verdict = verdict(&totals);
        let expected = match scenario.expected {
            Expected::Valid => Verdict::Valid,
            Expected::Invalid => Verdict::Invalid,
        };
        wrong |= verdict != expected;
        seconds += totals.seconds;
        let right = if verdict == expected { "yes" } else { "NO" };
        text += &format!(
            "{name:<24} {:>6} {:>10}  {:<8} {right}\n",
            totals.seeds,
            totals.counts.operations,
            verdict.name()
        );
    }
    text += &format!("{seconds:.1} s\n");
    print(&text)?;
    Ok(End::Judged(if wrong { Verdict::Invalid } else { Verdict::Valid }))
}
