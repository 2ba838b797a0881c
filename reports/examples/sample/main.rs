//! Writes the pages of made-up runs, to look at them:
//! `cargo run -p reports --example sample -- <directory> [operations]`.
//!
//! `valid/` and `invalid/` are a minute with faults, `quiet/` is a run in which nothing happened,
//! `lanes/` is a simulated case in which a proposer uses a ballot twice, `crowded/` one with more of
//! everything, and `large/` has as many operations as asked for (300,000 unless told).

mod lanes;

use harness_history::{
    Counterexample, FaultPeriod, Function, Header, History, Operation, Outcome, Point, Proof,
    Value, Verdict, Witness,
};
use reports::{
    CheckSummary, Condition, Lanes, Metadata, RESULTS_VERSION, Results, measures, summary,
    write_report,
};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
const PROCESSES: u64 = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("which directory shall the pages go to?")?;
    let many = arguments.next().map_or(Ok(300_000), |count| count.parse())?;
    let directory = Path::new(&directory);
    let minute = operations(30_000, 60 * SECOND);
    write(&directory.join("valid"), &results(&minute), &minute, None)?;
    let mut invalid = results(&minute);
    invalid.verdict = Verdict::Invalid;
    invalid.reason = "key r7: a read returned a value that had been overwritten before".into();
    invalid.check.counterexample = Some(stale_read());
    write(&directory.join("invalid"), &invalid, &minute, None)?;
    let mut quiet = results(&[]);
    quiet.verdict = Verdict::Inconclusive;
    quiet.reason = "nothing was called".into();
    quiet.metadata.interrupted = true;
    quiet.faults.clear();
    write(&directory.join("quiet"), &quiet, &[], None)?;
    invalid.reason = "key r7: an append that was answered ok is not in the value".into();
    invalid.check.counterexample = Some(lost_append());
    write(&directory.join("lanes"), &invalid, &minute, Some(&lanes::reused_ballot()))?;
    write(&directory.join("crowded"), &invalid, &minute, Some(&lanes::crowded()))?;
    let large = operations(many, 600 * SECOND);
    write(&directory.join("large"), &results(&large), &large, None)
}

#[expect(clippy::print_stdout, reason = "the summary is to be looked at, too")]
fn write(
    directory: &Path,
    results: &Results,
    operations: &[Operation],
    lanes: Option<&Lanes>,
) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(directory)?;
    let history = History { header: Some(header()), events: Vec::new(), torn: None };
    let began = std::time::Instant::now();
    let path = write_report(directory, results, &history, operations, lanes)?;
    let bytes = std::fs::metadata(&path)?.len();
    println!("{}: {bytes} bytes in {:?}\n", path.display(), began.elapsed());
    println!("{}", summary(results));
    Ok(())
}

fn header() -> Header {
    let nodes = ["n1", "n2", "n3"].map(str::to_owned).to_vec();
    Header::new("cas-register", Value::Null, nodes, PROCESSES)
}

/// Noise from 0 to 1 that is the same on every machine.
fn noise(number: u64) -> f64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (bits >> 40) as f64 / (1_u64 << 24) as f64
}

fn operations(count: u64, length: u64) -> Vec<Operation> {
    (0..count).map(|number| operation(number, count, length)).collect()
}

fn operation(number: u64, count: u64, length: u64) -> Operation {
    let process = number % PROCESSES;
    let invoked = number * (length - SECOND) / count;
    // Of every minute, the same parts are disturbed.
    let second = invoked / SECOND % 60;
    let cut = (10..18).contains(&second) && process.is_multiple_of(3);
    let slow = (15..24).contains(&second);
    let paused = (40..43).contains(&second) && process % 3 == 1;
    let luck = noise(number);
    let (outcome, typical) = match luck {
        luck if cut && luck < 0.5 => (Outcome::Info, 500.0),
        luck if cut || luck > 0.998 => (Outcome::Fail, 0.6),
        _ if paused => (Outcome::Ok, 900.0),
        _ if slow => (Outcome::Ok, 24.0),
        _ => (Outcome::Ok, 1.4),
    };
    let spread =
        (noise(number + count) * 2.0 - 1.0) * if noise(number * 3) > 0.99 { 3.0 } else { 0.8 };
    let latency = std::time::Duration::from_secs_f64(typical * spread.exp() / 1000.0);
    let latency = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
    let position = usize::try_from(number).unwrap_or(usize::MAX);
    let completed = Point { position: position + 1, time: invoked + latency };
    Operation {
        process,
        f: [Function::Read, Function::Write, Function::Cas][position % 3],
        key: Some(format!("r{}", number % 10)),
        input: Value::Null,
        output: Value::Null,
        outcome,
        invoked: Point { position, time: invoked },
        completed: (outcome != Outcome::Info || luck > 0.05).then_some(completed),
        error: None,
    }
}

/// The same five faults in every minute; the last of the run is never undone.
fn faults(length: u64) -> Vec<FaultPeriod> {
    const PLAN: [(&str, &str, u64, u64, Proof); 5] = [
        ("isolate", "cuts n1 off from a2 and a3, both ways", 10, 18, Proof::Held),
        ("delay", "delays every link by 20 ms", 15, 24, Proof::Held),
        ("kill", "kills acceptor a2 and starts it again", 30, 31, Proof::DidNotHold),
        ("pause", "pauses acceptor a3", 40, 43, Proof::Held),
        ("one-way", "loses the replies of a1 to n2", 56, 58, Proof::Held),
    ];
    let minutes = length.div_ceil(60 * SECOND);
    let planned = (0..minutes).flat_map(|minute| PLAN.map(|fault| (minute * 60, fault)));
    let mut faults: Vec<_> = (0..)
        .zip(planned)
        .map(|(fault, (minute, (name, what, from, to, proof)))| FaultPeriod {
            fault,
            name: name.into(),
            what: what.into(),
            began: (minute + from) * SECOND,
            ended: Some((minute + to) * SECOND + 210 * MS),
            proof,
            evidence: vec![
                "n1 reached a2 and a3 before the fault.".into(),
                "n1 did not reach a2 within 200 ms while it lasted.".into(),
                "n1 reached a2 in 0.4 ms after it was undone.".into(),
            ],
        })
        .collect();
    if let Some(last) = faults.last_mut() {
        (last.ended, last.proof) = (None, Proof::Unfinished);
    }
    faults
}

fn results(operations: &[Operation]) -> Results {
    let (total, nodes) = measures(Some(&header()), operations);
    let end = operations.last().map_or(0, |operation| operation.invoked.time) + SECOND;
    Results {
        version: RESULTS_VERSION,
        verdict: Verdict::Valid,
        reason: "every operation fits one order, on each of 10 keys".into(),
        rerun: "harness run --scenario runs/2026-03-01T12-00-00-gryadka-register/scenario.toml"
            .into(),
        metadata: Metadata {
            system: "gryadka".into(),
            mutant: None,
            workload: "register".into(),
            model: "cas-register".into(),
            environment: "embedded".into(),
            seed: 42,
            started: "2026-03-01T12:00:00Z".into(),
            seconds: end as f64 / SECOND as f64,
            interrupted: false,
            findings: Vec::new(),
            versions: [("harness", "0.1.0"), ("rustc", "1.95.0"), ("redis-server", "7.0.15")]
                .map(|(name, version)| (name.to_owned(), version.to_owned()))
                .into(),
            host: "workbench, Linux 6.12, 2 cores".into(),
        },
        check: CheckSummary {
            keys: 10,
            operations: operations.len(),
            indeterminate: total.info,
            seconds: 0.4213,
            configurations: 128,
            undecided: None,
            counterexample: None,
            left_out: None,
        },
        faults: faults(end),
        coverage: Vec::new(),
        conditions: conditions(&total.ok_by_function),
        total,
        nodes,
    }
}

fn conditions(ok: &BTreeMap<String, usize>) -> Vec<Condition> {
    let seen: Vec<_> = ok.iter().map(|(function, count)| format!("{count} {function}")).collect();
    vec![
        Condition {
            demand: "at least one ok of read, write and cas".into(),
            seen: if seen.is_empty() { "none".into() } else { seen.join(", ") },
            met: ok.len() == 3,
        },
        Condition {
            demand: "every fault is verified: seen while it lasts, and gone after it".into(),
            seen: "fault 2 did not hold, fault 4 is unfinished".into(),
            met: false,
        },
    ]
}

/// An operation of a counterexample, from one event of the history to another.
fn witness(
    process: u64,
    f: Function,
    call: &str,
    answer: &str,
    invoked: usize,
    completed: Option<usize>,
) -> Witness {
    let time = |position: usize| 11_402 * MS + position as u64 * 437_219;
    Witness {
        process,
        f,
        call: call.into(),
        answer: answer.into(),
        outcome: if completed.is_some() { Outcome::Ok } else { Outcome::Info },
        invoked,
        invoked_time: time(invoked),
        completed,
        completed_time: completed.map(time),
    }
}

fn stale_read() -> Counterexample {
    Counterexample {
        key: Some("r7".into()),
        sentence: "Process 4 reads 3 although every write of 3 had been replaced before it began.".into(),
        story: vec![
            "write 3 by process 0 is answered before cas 3 → 5 by process 1 begins.".into(),
            "cas 3 → 5 is answered, so the register holds 5, or 9 if the write of process 2 took effect.".into(),
            "read 5 by process 3 confirms it.".into(),
            "No operation writes 3 again, yet process 4 begins to read after that and is told 3.".into(),
        ],
        operations: vec![
            witness(0, Function::Write, "write 3", "ok", 0, Some(2)),
            witness(2, Function::Write, "write 9", "no answer", 1, None),
            witness(1, Function::Cas, "cas 3 → 5", "ok", 3, Some(5)),
            witness(3, Function::Read, "read", "5", 4, Some(6)),
            witness(4, Function::Read, "read", "3", 7, Some(9)),
            witness(0, Function::Read, "read", "5", 8, Some(10)),
        ],
        failing: 4,
        states: vec!["5".into(), "9".into()],
    }
}

fn lost_append() -> Counterexample {
    Counterexample {
        key: Some("r7".into()),
        sentence: "Process 1 reads [1, 3] although append 2 was answered ok before.".into(),
        story: vec![
            "append 2 is answered before append 3 begins, so every later value holds 2.".into(),
            "The read begins after both, and is told [1, 3].".into(),
        ],
        operations: vec![
            witness(0, Function::Append, "append 1", "no answer", 0, None),
            witness(2, Function::Append, "append 2", "ok", 2, Some(3)),
            witness(1, Function::Append, "append 3", "ok", 4, Some(5)),
            witness(1, Function::Read, "read", "[1, 3]", 6, Some(7)),
        ],
        failing: 3,
        states: vec!["[2, 3]".into(), "[1, 2, 3]".into(), "[2, 3, 1]".into()],
    }
}
