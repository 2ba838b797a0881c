//! Small made-up runs for the tests.

use crate::{
    AcceptorLane, BallotStep, CheckSummary, Condition, CoveredCell, CoveredPhase, LaneMessage,
    LaneNote, LaneOperation, Lanes, Measures, Metadata, RESULTS_VERSION, Results,
};
use harness_history::{
    Counterexample, FaultPeriod, Function, Header, History, Operation, Outcome, Point, Proof,
    Value, Verdict, Witness,
};
use std::collections::BTreeMap;

/// What an unkind store might hold.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=1>\"&'<\u{202e}\u{1b}[2J";

const SECOND: u64 = 1_000_000_000;

/// A write whose times are given in nanoseconds.
pub(crate) fn operation(
    process: u64,
    outcome: Outcome,
    invoked: u64,
    completed: Option<u64>,
) -> Operation {
    let point = |time| Point { position: 0, time };
    Operation {
        process,
        f: Function::Write,
        key: Some("k1".into()),
        input: Value::from(5),
        output: Value::Null,
        outcome,
        invoked: point(invoked),
        completed: completed.map(point),
        error: None,
    }
}

/// A history of which only the header is of interest.
pub(crate) fn history() -> History {
    let nodes = vec!["n1".to_owned(), "n2".to_owned()];
    let header = Header::new("cas-register", Value::Null, nodes, 4);
    History { header: Some(header), events: Vec::new(), torn: None }
}

/// Ten seconds of a run: mostly ok, some of the others.
pub(crate) fn operations() -> Vec<Operation> {
    let call = |number: u64| {
        let outcome = match number % 20 {
            7 => Outcome::Fail,
            13 => Outcome::Info,
            _ => Outcome::Ok,
        };
        let invoked = number * SECOND / 20;
        let completed = invoked + (1 + number % 9) * 1_000_000;
        operation(number % 4, outcome, invoked, (number != 193).then_some(completed))
    };
    (0..200).map(call).collect()
}

/// A fault that was undone two seconds after it began.
pub(crate) fn fault(number: u32, name: &str, began: u64, proof: Proof) -> FaultPeriod {
    FaultPeriod {
        fault: number,
        name: name.to_owned(),
        what: format!("{name} of n1"),
        began: began * SECOND,
        ended: (proof != Proof::Unfinished).then_some((began + 2) * SECOND),
        proof,
        evidence: vec!["n1 did not answer within 200 ms".into(), "n1 answers".into()],
    }
}

fn node(name: &str, operations: usize) -> Measures {
    Measures {
        node: name.to_owned(),
        operations,
        ok: operations - 10,
        fail: 6,
        info: 4,
        ok_by_function: BTreeMap::from([("read".to_owned(), operations - 10)]),
        p50_ms: Some(0.8125),
        p99_ms: Some(14.25),
        max_ms: Some(1201.0),
        longest_gap_ms: Some(2104.5),
        ok_per_second: operations as f64 / 10.0,
    }
}

/// Reads and writes of two nodes in a phase, as many of each.
fn phase(name: &str, fault: Option<u32>, nodes: [(f64, usize, Option<f64>); 2]) -> CoveredPhase {
    let of_node = |(node, (seconds, ok, share)): (&str, (f64, usize, Option<f64>))| {
        ["read", "write"].map(|function| CoveredCell {
            node: node.into(),
            function: function.into(),
            seconds,
            ok,
            refused: 0,
            share,
        })
    };
    let cells = ["n1", "n2"].into_iter().zip(nodes).flat_map(of_node).collect();
    CoveredPhase { name: name.into(), fault, cells }
}

/// A run without a violation, with one fault of each proof.
pub(crate) fn valid() -> Results {
    Results {
        version: RESULTS_VERSION,
        verdict: Verdict::Valid,
        reason: "every operation fits one order".into(),
        rerun: "harness run runs/latest/scenario.toml".into(),
        metadata: Metadata {
            system: "gryadka".into(),
            mutant: None,
            workload: "register".into(),
            model: "cas-register".into(),
            environment: "embedded".into(),
            seed: 42,
            started: "2026-03-01T12:00:00Z".into(),
            seconds: 10.02,
            interrupted: false,
            findings: Vec::new(),
            versions: BTreeMap::from([("harness".to_owned(), "0.1.0".to_owned())]),
            host: "workbench, Linux 6.12, 2 cores".into(),
        },
        check: CheckSummary {
            keys: 3,
            operations: 12_345,
            indeterminate: 8,
            seconds: 0.421,
            configurations: 17,
            undecided: None,
            counterexample: None,
            left_out: None,
        },
        faults: vec![
            fault(0, "cut", 1, Proof::Held),
            fault(1, "kill", 2, Proof::DidNotHold),
            fault(2, "pause", 5, Proof::NotUndone),
            fault(3, "slow", 9, Proof::Unfinished),
        ],
        total: node("all", 12_345),
        nodes: vec![node("n1", 6_345), node("n2", 6_000)],
        coverage: vec![
            phase("before the faults", None, [(1.0, 40, None), (1.0, 38, None)]),
            phase("cuts n2 off", Some(0), [(2.0, 60, Some(0.75)), (0.0, 0, None)]),
            phase("after the faults", None, [(3.0, 123, Some(1.025)), (3.0, 1_234, Some(10.82))]),
        ],
        conditions: vec![
            Condition {
                demand: "at least 1 ok of every function".into(),
                seen: "read 12,335".into(),
                met: true,
            },
            Condition { demand: "every fault proved".into(), seen: "1 of 4".into(), met: false },
        ],
    }
}

/// The same run with a stale read.
pub(crate) fn invalid() -> Results {
    let mut results = valid();
    results.verdict = Verdict::Invalid;
    results.reason = "key k1: a read returned a value that was no longer there".into();
    results.check.counterexample = Some(stale_read());
    results
}

/// Write 1, write 2, and a read of 1 after both.
pub(crate) fn stale_read() -> Counterexample {
    Counterexample {
        key: Some("k1".into()),
        sentence: "read 1 by process 2 cannot come after write 2.".into(),
        story: vec![
            "write 2 was answered before read 1 began.".into(),
            "Nothing wrote 1 after write 2.".into(),
        ],
        operations: vec![
            witness(0, "write 1", "ok", 0, Some(3)),
            witness(1, "write 2", "no answer", 1, None),
            witness(2, "read", "1", 4, Some(5)),
        ],
        failing: 2,
        states: vec!["2".into()],
    }
}

pub(crate) fn witness(
    process: u64,
    call: &str,
    answer: &str,
    invoked: usize,
    completed: Option<usize>,
) -> Witness {
    let time = |position: usize| position as u64 * 1_500_000;
    Witness {
        process,
        f: Function::Write,
        call: call.to_owned(),
        answer: answer.to_owned(),
        outcome: if completed.is_some() { Outcome::Ok } else { Outcome::Info },
        invoked,
        invoked_time: time(invoked),
        completed,
        completed_time: completed.map(time),
    }
}

/// A state of an acceptor: ballot 2 is append 2's, all others are append 1's.
pub(crate) fn step(time: u64, promised: &str, accepted: &str, value: &str) -> BallotStep {
    BallotStep {
        time,
        promised: promised.into(),
        accepted: accepted.into(),
        value: value.into(),
        by: if promised.starts_with('2') { "append 2" } else { "append 1" }.into(),
    }
}

/// Append 1 reaches a1 only, p1 crashes, append 2 is written past it, and a read tells the other.
pub(crate) fn lanes() -> Lanes {
    const MS: u64 = 1_000_000;
    let call = |client: &str, call: &str, answer: &str, outcome, began, ended: Option<u64>| {
        LaneOperation {
            client: client.into(),
            call: call.into(),
            answer: answer.into(),
            outcome,
            began: began * MS,
            ended: ended.map(|ended| ended * MS),
            failing: call == "read",
        }
    };
    let acceptor = |name: &str, steps: &[(u64, &str, &str, &str)]| AcceptorLane {
        name: name.into(),
        steps: steps.iter().map(|(time, p, a, value)| step(time * MS, p, a, value)).collect(),
    };
    let message = |arrived: Option<u64>, to: &str, fate: &str| LaneMessage {
        sent: 3 * MS,
        arrived: arrived.map(|arrived| arrived * MS),
        from: "p1".into(),
        to: to.into(),
        what: "accept 1.p1 [1]".into(),
        fate: fate.into(),
    };
    Lanes {
        key: "r7".into(),
        operations: vec![
            call("client 1 at p1", "append 1", "no answer", Outcome::Info, 1, Some(6)),
            call("client 2 at p2", "append 2", "ok", Outcome::Ok, 7, Some(9)),
            call("client 2 at p2", "read", "[1]", Outcome::Ok, 10, Some(12)),
        ],
        acceptors: vec![
            acceptor("a1", &[(2, "1.p1", "", ""), (4, "1.p1", "1.p1", "[1]")]),
            acceptor("a2", &[(2, "1.p1", "", ""), (8, "2.p2", "2.p2", "[2]")]),
            acceptor("a3", &[(2, "1.p1", "", ""), (8, "2.p2", "", ""), (8, "2.p2", "2.p2", "[2]")]),
        ],
        disturbed: vec![message(None, "a2", "lost"), message(Some(11), "a3", "delayed by 8 ms")],
        notes: vec![LaneNote { time: 5 * MS, who: "p1".into(), what: "crashes".into() }],
    }
}
