//! What must have happened for a green answer to mean anything, and the limits that the user set.

use harness_history::{FaultPeriod, Function, Header, Operation, Outcome, Proof};
use reports::{Condition, Measures};
use std::collections::BTreeSet;
use workloads::{Metric, Scenario, Threshold, is_cold, leaves_a_quorum};

/// In so many nanoseconds with a quorum some call succeeds, if the store is any good.
const ROOM: u64 = 500_000_000;

/// What is demanded of every run: each kind of call succeeds, each phase makes progress, each
/// fault is injected and shown to bite and to be gone, and nobody cuts the load short.
pub(crate) fn demands(
    scenario: &Scenario,
    header: Option<&Header>,
    operations: &[Operation],
    faults: &[FaultPeriod],
    interrupted: bool,
) -> Vec<Condition> {
    let ok: Vec<&Operation> =
        operations.iter().filter(|operation| operation.outcome == Outcome::Ok).collect();
    let mut demands = Vec::new();
    for function in scenario.workload.functions() {
        let count = ok.iter().filter(|operation| operation.f == *function).count();
        demands.push(at_least_one(format!("some {function} succeeds"), count));
    }
    demands.extend(progress(scenario, header, &ok, faults));
    demands.extend(cold(scenario, header, &ok, faults));
    demands.push(Condition {
        demand: String::from("the load lasts its time"),
        seen: String::from(if interrupted { "it was cut short" } else { "it did" }),
        met: !interrupted,
    });
    let planned = scenario.schedule.len();
    if planned > 0 {
        demands.push(Condition {
            demand: String::from("every planned fault is injected"),
            seen: format!("{} of {planned}", faults.len()),
            met: faults.len() >= planned,
        });
        let proved = faults.iter().filter(|fault| fault.proof == Proof::Held).count();
        demands.push(Condition {
            demand: String::from("every fault is seen to bite and to be gone"),
            seen: format!("{proved} of {}", faults.len()),
            met: proved == faults.len(),
        });
    }
    demands
}

fn at_least_one(demand: String, count: usize) -> Condition {
    Condition { demand, seen: format!("{count} succeeded"), met: count > 0 }
}

/// Progress before, under and after the faults; after them, on every node.
fn progress(
    scenario: &Scenario,
    header: Option<&Header>,
    ok: &[&Operation],
    faults: &[FaultPeriod],
) -> Vec<Condition> {
    let ends = |operation: &Operation| operation.completed.map(|point| point.time);
    let within = |from: u64, until: u64| {
        ok.iter().filter(move |o| ends(o).is_some_and(|time| (from..until).contains(&time)))
    };
    let mut conditions = Vec::new();
    let mut quiet_from = 0;
    if let Some(first) = faults.iter().map(|fault| fault.began).min() {
        quiet_from = faults.iter().filter_map(|fault| fault.ended).max().unwrap_or(u64::MAX);
        let before = within(0, first).count();
        conditions.push(at_least_one(String::from("progress before the faults"), before));
        let spans = spans_with_a_quorum(scenario, faults, quiet_from);
        let long: u64 = spans.iter().map(|(from, until)| until - from).sum();
        // Where hardly a moment is left to call in, none need succeed.
        if long >= ROOM {
            let under = spans.iter().map(|(from, until)| within(*from, *until).count()).sum();
            conditions.push(at_least_one(String::from("progress while faults come and go"), under));
        }
    }
    for node in 1..=scenario.nodes {
        let name = format!("n{node}");
        let of_node =
            |o: &&&Operation| header.and_then(|header| header.node_of(o.process)) == Some(&name);
        let count = within(quiet_from, u64::MAX).filter(of_node).count();
        let when = if faults.is_empty() { "" } else { " after the faults" };
        conditions.push(at_least_one(format!("progress on {name}{when}"), count));
    }
    conditions
}

/// From the first fault to the end of the last one, the spans in which some proposer has a quorum: a
/// fault of a majority stops everybody by right.
fn spans_with_a_quorum(
    scenario: &Scenario,
    faults: &[FaultPeriod],
    quiet_from: u64,
) -> Vec<(u64, u64)> {
    let ended = |fault: &FaultPeriod| fault.ended.unwrap_or(u64::MAX);
    let begun_and_ended = faults.iter().flat_map(|fault| [fault.began, ended(fault)]);
    let borders: BTreeSet<u64> = begun_and_ended.filter(|time| *time <= quiet_from).collect();
    let has_quorum = |from: u64, until: u64| {
        let active = faults.iter().filter(|fault| fault.began < until && ended(fault) > from);
        let planned = active.filter_map(|fault| scenario.schedule.get(fault.fault as usize));
        leaves_a_quorum(&planned.collect::<Vec<_>>(), scenario.nodes, scenario.acceptors())
    };
    let pairs = borders.iter().zip(borders.iter().skip(1));
    pairs
        .map(|(from, until)| (*from, *until))
        .filter(|(from, until)| has_quorum(*from, *until))
        .collect()
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
mod tests {
    use super::*;
    use harness_history::{Point, Value};
    use workloads::{Draft, EnvironmentKind, FaultKind, PlannedFault, Shape, Span};

    const SECOND: u64 = 1_000_000_000;

    fn scenario() -> Scenario {
        let text = "workload = \"increment\"\nnodes = 2\nfaults = [\"cut\"]\ntime = \"6s\"\nquiet = \"2s\"";
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
        let demands = demands(&scenario(), Some(&header), operations, faults, false);
        demands.into_iter().filter(|d| !d.met).map(|d| d.demand).collect()
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
            let demands = demands(&scenario, None, &[], &faults, false);
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
        assert_eq!(unproved, ["every fault is seen to bite and to be gone"]);
        let header = Header::new("m", Value::Null, vec!["n1".into(), "n2".into()], 2);
        let faults = [fault(Proof::Held)];
        let cut = demands(&scenario(), Some(&header), &exercised(), &faults, true);
        assert!(cut.iter().any(|d| !d.met && d.demand == "the load lasts its time"));
        assert_eq!(unmet(&exercised(), &[]), ["every planned fault is injected"]);
    }
}
