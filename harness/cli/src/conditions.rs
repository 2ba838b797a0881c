//! What must have happened for a green answer to mean anything, and the limits that the user set.
//!
//! | question | file |
//! |---|---|
//! | what is demanded in all? | here |
//! | what was answered in each phase, on each node? | `conditions/coverage.rs` |
//! | is that enough? | `conditions/progress.rs` |
//! | did calls meet, and did enough of each kind succeed? | `conditions/contention.rs` |

mod contention;
mod coverage;
mod progress;
#[cfg(test)]
mod tests;

use harness_history::{FaultPeriod, Function, Header, Operation, Outcome, Proof};
use reports::{Condition, CoveredPhase, Measures};
use std::collections::BTreeSet;
use workloads::{Metric, Scenario, Threshold, is_cold};

/// In so many seconds with a quorum some call succeeds, if the store is any good.
const ROOM: f64 = 0.5;

/// A run as its files tell it.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) header: Option<&'a Header>,
    pub(crate) operations: &'a [Operation],
    pub(crate) faults: &'a [FaultPeriod],
    pub(crate) interrupted: bool,
    /// What ended the run before its time, or did not come back.
    pub(crate) findings: &'a [String],
}

/// What is demanded of every run, and what was answered in each phase: each kind of call succeeds, each
/// phase makes progress, calls meet, each fault is injected and verified, the load
/// lasts its time, and every server comes back.
pub(crate) fn demands(run: &Run<'_>) -> (Vec<Condition>, Vec<CoveredPhase>) {
    let Run { scenario, header, operations, faults, interrupted, findings } = *run;
    let ok: Vec<&Operation> =
        operations.iter().filter(|operation| operation.outcome == Outcome::Ok).collect();
    let mut demands = Vec::new();
    for function in scenario.workload.functions() {
        let count = ok.iter().filter(|operation| operation.f == *function).count();
        demands.push(at_least_one(format!("some {function} succeeds"), count));
    }
    let coverage = coverage::coverage(scenario, header, operations, faults);
    demands.extend(progress::progress(&coverage, scenario.deadline.duration().as_secs_f64()));
    demands.extend(contention::contention(scenario, header, operations));
    demands.extend(cold(scenario, header, &ok, faults));
    demands.push(Condition {
        demand: String::from("the load lasts its time"),
        seen: String::from(if interrupted { "it was cut short" } else { "it did" }),
        met: !interrupted,
    });
    demands.extend(findings.iter().map(|finding| Condition {
        demand: String::from("servers and links stay as the nemesis leaves them"),
        seen: finding.clone(),
        met: false,
    }));
    demands.extend(proved(scenario, faults));
    (demands, coverage)
}

/// What is demanded of the faults that were planned.
fn proved(scenario: &Scenario, faults: &[FaultPeriod]) -> Vec<Condition> {
    let planned = scenario.schedule.len();
    if planned == 0 {
        return Vec::new();
    }
    let proved = faults.iter().filter(|fault| fault.proof == Proof::Held).count();
    let injected = Condition {
        demand: String::from("every planned fault is injected"),
        seen: format!("{} of {planned}", faults.len()),
        met: faults.len() >= planned,
    };
    let seen = Condition {
        demand: String::from("every fault is verified: seen while it lasts, and gone after it"),
        seen: format!("{proved} of {}", faults.len()),
        met: proved == faults.len(),
    };
    vec![injected, seen]
}

fn at_least_one(demand: String, count: usize) -> Condition {
    Condition { demand, seen: format!("{count} succeeded"), met: count > 0 }
}

/// After the faults every node reads every cold key.
fn cold(
    scenario: &Scenario,
    header: Option<&Header>,
    ok: &[&Operation],
    faults: &[FaultPeriod],
) -> Option<Condition> {
    let quiet_from = faults.iter().filter_map(|fault| fault.ended).max().unwrap_or(0);
    let reads = ok.iter().filter(|o| o.f == Function::Read && o.invoked.time >= quiet_from);
    let read_by = |operation: &&&Operation| {
        let key = operation.key.as_deref().filter(|key| is_cold(key))?;
        Some((header?.node_of(operation.process)?.to_owned(), key.to_owned()))
    };
    let seen: BTreeSet<_> = reads.filter_map(|operation| read_by(&operation)).collect();
    let all = scenario.cold as usize * scenario.nodes as usize;
    (all > 0).then(|| Condition {
        demand: String::from("every node reads every cold key after the faults"),
        seen: format!("{} of {all} such reads", seen.len()),
        met: seen.len() == all,
    })
}

/// The limits that the user set.
pub(crate) fn limits(scenario: &Scenario, total: &Measures, nodes: &[Measures]) -> Vec<Condition> {
    let limit = |threshold: &Threshold| match threshold {
        Threshold::RateAbove(least) => Condition {
            demand: threshold.to_string(),
            seen: format!("{:.1} calls per second", total.ok_per_second),
            met: total.ok_per_second > *least,
        },
        Threshold::Below(metric, span) => {
            let millis = match metric {
                Metric::P50 => total.p50_ms,
                Metric::P99 => total.p99_ms,
                Metric::Max => total.max_ms,
                Metric::Gap => {
                    nodes.iter().filter_map(|node| node.longest_gap_ms).max_by(f64::total_cmp)
                }
                Metric::Rate => None,
            };
            let seen = millis.map_or_else(|| String::from("nothing"), |ms| format!("{ms:.1} ms"));
            let met = millis.is_some_and(|ms| ms < span.duration().as_secs_f64() * 1e3);
            Condition { demand: threshold.to_string(), seen, met }
        }
    };
    scenario.threshold.iter().map(limit).collect()
}

#[cfg(test)]
mod demanded {
    use super::*;
    use harness_history::{Point, Value};
    use workloads::{Draft, EnvironmentKind, FaultKind, PlannedFault, Shape, Span};

    const SECOND: u64 = 1_000_000_000;

    fn scenario() -> Scenario {
        let text = "workload = \"increment\"\nnodes = 2\nfaults = [\"cut\"]\noverlap = 1\nfault-interval = \"2500ms\"\ntime = \"6s\"\nquiet = \"2s\"";
        let draft = Draft::parse(text, "test").unwrap();
        let mut scenario =
            draft.settle(EnvironmentKind::Embedded, &[FaultKind::Cut], 1, None).unwrap();
        assert_eq!(scenario.schedule.len(), 1);
        // Of two nodes a cut leaves no quorum.
        scenario.schedule[0].fault = FaultKind::Latency;
        scenario
    }

    fn operation(process: u64, f: Function, second: u64) -> Operation {
        let at = |time| Point { position: 0, time };
        Operation {
            process,
            f,
            key: None,
            input: Value::Null,
            output: Value::Null,
            outcome: Outcome::Ok,
            invoked: at(second * SECOND),
            completed: Some(at(second * SECOND + 1)),
            error: None,
        }
    }

    fn fault(proof: Proof) -> FaultPeriod {
        FaultPeriod {
            fault: 0,
            name: "cut".into(),
            what: "cuts n1 off".into(),
            began: 2 * SECOND,
            ended: Some(4 * SECOND),
            proof,
            evidence: Vec::new(),
        }
    }

    fn unmet(operations: &[Operation], faults: &[FaultPeriod]) -> Vec<String> {
        let header = Header::new("m", Value::Null, vec!["n1".into(), "n2".into()], 2);
        unmet_of(&Run { header: Some(&header), operations, faults, ..run(&scenario()) })
    }

    fn run(scenario: &Scenario) -> Run<'_> {
        let (operations, faults, findings) = (&[], &[], &[]);
        Run { scenario, header: None, operations, faults, interrupted: false, findings }
    }

    fn unmet_of(run: &Run<'_>) -> Vec<String> {
        demands(run).0.into_iter().filter(|d| !d.met).map(|d| d.demand).collect()
    }

    fn exercised() -> Vec<Operation> {
        use Function::{Cas, Read};
        vec![
            operation(0, Read, 1),
            operation(0, Cas, 3),
            operation(0, Read, 5),
            operation(1, Read, 5),
        ]
    }

    #[test]
    fn a_run_that_exercised_everything_meets_every_demand() {
        assert_eq!(unmet(&exercised(), &[fault(Proof::Held)]), [""; 0]);
    }

    #[test]
    fn no_progress_is_demanded_while_a_majority_is_struck() {
        let planned = |fault, links, nodes| {
            let when = (Span::seconds(2), Span::seconds(2));
            PlannedFault { links, nodes, ..PlannedFault::of(fault, when) }
        };
        let demands_progress = |planned| {
            let scenario = Scenario { nodes: 3, schedule: vec![planned], ..scenario() };
            let faults = [fault(Proof::Held)];
            // The load goes on until after the fault.
            let operations = [operation(0, Function::Read, 5)];
            let run = Run { faults: &faults, operations: &operations, ..run(&scenario) };
            let demands = demands(&run).0;
            demands.iter().any(|demand| demand.demand == "progress while faults come and go")
        };
        assert!(demands_progress(planned(FaultKind::Kill, Vec::new(), vec![1])));
        assert!(!demands_progress(planned(FaultKind::Kill, Vec::new(), vec![1, 2])));
        assert!(demands_progress(planned(FaultKind::Cut, Shape::isolate(3, 1).links, Vec::new())));
        assert!(!demands_progress(planned(FaultKind::Cut, Shape::all(3).links, Vec::new())));
    }

    #[test]
    fn each_thing_that_did_not_happen_is_named() {
        let without = |number: usize| {
            let mut operations = exercised();
            operations.remove(number);
            unmet(&operations, &[fault(Proof::Held)])
        };
        assert_eq!(without(0), ["progress before the faults"]);
        assert_eq!(without(1), ["some cas succeeds", "progress while faults come and go"]);
        assert_eq!(without(2), ["progress on n1 after the faults"]);
        assert_eq!(without(3), ["progress on n2 after the faults"]);
        let unproved = unmet(&exercised(), &[fault(Proof::DidNotHold)]);
        assert_eq!(unproved, ["every fault is verified: seen while it lasts, and gone after it"]);
        assert_eq!(unmet(&exercised(), &[]), ["every planned fault is injected"]);
    }

    #[test]
    fn a_load_that_was_cut_short_and_a_server_that_did_not_come_back_are_named() {
        let (scenario, operations, faults) = (scenario(), exercised(), [fault(Proof::Held)]);
        let header = Header::new("m", Value::Null, vec!["n1".into(), "n2".into()], 2);
        let whole = Run {
            header: Some(&header),
            operations: &operations,
            faults: &faults,
            ..run(&scenario)
        };
        let cut = Run { interrupted: true, ..whole };
        assert_eq!(unmet_of(&cut), ["the load lasts its time"]);
        let findings = [String::from("a2 does not answer")];
        let found = Run { findings: &findings, ..whole };
        assert_eq!(unmet_of(&found), ["servers and links stay as the nemesis leaves them"]);
    }
}
