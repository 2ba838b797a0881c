//! A made-up run of three nodes under two faults, and what is said when a part of it did not happen.

use super::*;
use harness_history::{Point, Value};
use std::ops::Range;
use workloads::{Draft, EnvironmentKind, FaultKind, Link, PlannedFault, Shape, Span};

const SECOND: u64 = 1_000_000_000;
/// Every node makes a call of each function so many times a second.
const RATE: u64 = 20;

/// Forty seconds; from 10 to 14 every link is slow, from 20 to 24 n3 is cut off.
fn scenario() -> Scenario {
    let text = "workload = \"cas-register\"\ntime = \"40s\"\nfaults = []";
    let draft = Draft::parse(text, "test").unwrap();
    let mut scenario = draft.settle(EnvironmentKind::Embedded, FaultKind::ALL, 1, None).unwrap();
    let planned = |fault, at, links| PlannedFault {
        links,
        ..PlannedFault::of(fault, (Span::seconds(at), Span::seconds(4)))
    };
    let cut_off = (1..=3).map(|acceptor| Link { proposer: 3, acceptor }).collect();
    scenario.schedule = vec![
        planned(FaultKind::Latency, 10, Shape::all(3).links),
        planned(FaultKind::Cut, 20, cut_off),
    ];
    scenario
}

fn faults() -> Vec<FaultPeriod> {
    let period = |fault, what: &str, began: u64| FaultPeriod {
        fault,
        name: "fault".into(),
        what: what.into(),
        began: began * SECOND,
        ended: Some((began + 4) * SECOND),
        proof: Proof::Held,
        evidence: Vec::new(),
    };
    vec![period(0, "delays all", 10), period(1, "cuts n3 off", 20)]
}

/// A call of the run that is about to be made.
#[derive(Clone, Copy)]
struct Asked {
    node: u64,
    f: Function,
    second: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Told {
    Ok,
    Refused,
    Failed,
    /// The call is not made at all.
    NotAsked,
}

/// The run in which each call ends as `told` says, and begins while one of the node before is open.
fn operations(told: impl Fn(Asked) -> Told) -> Vec<Operation> {
    let mut operations = Vec::new();
    for turn in 0..40 * RATE {
        for f in [Function::Read, Function::Write, Function::Cas] {
            for node in 1..=3 {
                let second = turn / RATE;
                let outcome = match told(Asked { node, f, second }) {
                    Told::NotAsked => continue,
                    Told::Ok => Outcome::Ok,
                    Told::Refused | Told::Failed => Outcome::Fail,
                };
                let failed = told(Asked { node, f, second }) == Told::Failed;
                let (position, time) = (operations.len(), turn * SECOND / RATE);
                operations.push(Operation {
                    process: node - 1,
                    f,
                    key: Some(String::from("0")),
                    input: Value::Null,
                    output: Value::Null,
                    outcome,
                    invoked: Point { position, time },
                    completed: Some(Point { position: position + 2, time }),
                    error: failed.then(|| Value::from("no quorum")),
                });
            }
        }
    }
    operations
}

fn unmet(told: impl Fn(Asked) -> Told) -> String {
    let nodes = ["n1", "n2", "n3"].map(String::from).to_vec();
    let header = Header::new("cas-register", Value::Null, nodes, 3);
    let (scenario, operations, faults) = (scenario(), operations(told), faults());
    let run = Run {
        scenario: &scenario,
        header: Some(&header),
        operations: &operations,
        faults: &faults,
        interrupted: false,
        findings: &[],
    };
    let unmet = demands(&run).0.into_iter().filter(|condition| !condition.met);
    unmet.map(|condition| format!("{}: {}\n", condition.demand, condition.seen)).collect()
}

/// A run in which the calls that `which` names end so, and n3 answers nothing while it is cut off.
fn with(which: impl Fn(Asked) -> bool, told: Told) -> String {
    unmet(|asked| match asked {
        Asked { node: 3, second: 20..24, .. } => Told::Failed,
        asked if which(asked) => told,
        _ => Told::Ok,
    })
}

const SLOW: Range<u64> = 10..14;
const CUT: Range<u64> = 20..24;
const AFTER: Range<u64> = 24..40;

#[test]
fn a_run_that_exercised_everything_meets_every_demand() {
    assert_eq!(with(|_| false, Told::Ok), "");
    // A third of all compare-and-sets is refused, and hardly anything goes on while all is slow.
    let refused = |asked: Asked| asked.f == Function::Cas && asked.second.is_multiple_of(3);
    assert_eq!(with(refused, Told::Refused), "");
    assert_eq!(
        with(|asked| SLOW.contains(&asked.second) && asked.second != 12, Told::NotAsked),
        ""
    );
}

#[test]
fn what_did_not_happen_in_a_phase_is_named() {
    use Function::{Cas, Read, Write};
    let under =
        |phase: Range<u64>, f| move |asked: Asked| phase.contains(&asked.second) && asked.f == f;
    let all = |phase: Range<u64>| move |asked: Asked| phase.contains(&asked.second);
    let on = |phase: Range<u64>, node| {
        move |asked: Asked| phase.contains(&asked.second) && asked.node == node
    };
    let seen = [
        ("writes never return after the faults", with(under(AFTER, Write), Told::Failed)),
        ("nothing happens under the second fault", with(all(CUT), Told::Failed)),
        ("nothing is called under the first fault", with(all(SLOW), Told::NotAsked)),
        ("n2 stops under the second fault", with(on(CUT, 2), Told::Failed)),
        (
            "n1 answers no reads under the first fault",
            with(
                |asked| SLOW.contains(&asked.second) && asked.node == 1 && asked.f == Read,
                Told::Failed,
            ),
        ),
        ("n1 stays away after the faults", with(on(AFTER, 1), Told::Failed)),
        (
            "n1 goes on for one of sixteen seconds after the faults",
            with(
                |asked| asked.node == 1 && AFTER.contains(&asked.second) && asked.second != 30,
                Told::NotAsked,
            ),
        ),
        ("every cas is refused after the faults", with(under(AFTER, Cas), Told::Refused)),
        (
            "every cas is refused under both faults",
            with(
                |asked| {
                    asked.f == Cas && (SLOW.contains(&asked.second) || CUT.contains(&asked.second))
                },
                Told::Refused,
            ),
        ),
        ("every cas is refused", with(|asked| asked.f == Cas, Told::Refused)),
        (
            "one cas in 20 succeeds",
            with(|asked| asked.f == Cas && !asked.second.is_multiple_of(20), Told::Refused),
        ),
        ("n2 never writes", with(|asked| asked.f == Write && asked.node == 2, Told::NotAsked)),
        ("n2 does nothing", with(|asked| asked.node == 2, Told::NotAsked)),
        ("nothing before the faults", with(|asked| asked.second < 10, Told::Failed)),
        ("only n1 calls", with(|asked| asked.node != 1, Told::NotAsked)),
    ];
    let told: String = seen.iter().map(|(case, unmet)| format!("# {case}\n{unmet}")).collect();
    insta::assert_snapshot!(told);
}

#[test]
fn coverage_counts_a_node_only_while_it_keeps_a_quorum() {
    let nodes = ["n1", "n2", "n3"].map(String::from).to_vec();
    let header = Header::new("cas-register", Value::Null, nodes, 3);
    let operations = operations(|_| Told::Ok);
    let phases = coverage::coverage(&scenario(), Some(&header), &operations, &faults());
    let line = |phase: &CoveredPhase| {
        let cells = phase.cells.iter().filter(|cell| cell.function == "write");
        let cells = cells.map(|cell| format!("{} {} in {:.0} s", cell.node, cell.ok, cell.seconds));
        format!("{}: {}\n", phase.name, cells.collect::<Vec<_>>().join(", "))
    };
    let lines: String = phases.iter().map(line).collect();
    insta::assert_snapshot!(lines, @r"
    before the faults: n1 200 in 10 s, n2 200 in 10 s, n3 200 in 10 s
    delays all: n1 80 in 4 s, n2 80 in 4 s, n3 80 in 4 s
    cuts n3 off: n1 80 in 4 s, n2 80 in 4 s, n3 0 in 0 s
    after the faults: n1 320 in 16 s, n2 320 in 16 s, n3 320 in 16 s
    ");
}

#[test]
fn faults_at_the_same_time_count_together() {
    let mut scenario = scenario();
    // While n3 is cut off, and for two seconds more, a1 is dead.
    let when = (Span::seconds(22), Span::seconds(4));
    scenario
        .schedule
        .push(PlannedFault { nodes: vec![1], ..PlannedFault::of(FaultKind::Kill, when) });
    let kill = FaultPeriod {
        fault: 2,
        what: "kills a1".into(),
        began: 22 * SECOND,
        ended: Some(26 * SECOND),
        ..faults()[1].clone()
    };
    let faults: Vec<_> = faults().into_iter().chain([kill]).collect();
    let phases = coverage::coverage(&scenario, None, &operations(|_| Told::Ok), &faults);
    let seconds = |phase: &CoveredPhase| {
        let node = |node: &str| phase.cells.iter().find(|cell| cell.node == node).unwrap().seconds;
        format!("{}: {:.0} {:.0}", phase.name, node("n1"), node("n3"))
    };
    let seconds: Vec<_> = phases.iter().skip(2).map(seconds).collect();
    assert_eq!(seconds, ["cuts n3 off: 4 0", "kills a1: 4 2", "after the faults: 14 14"]);
}
