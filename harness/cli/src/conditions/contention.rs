//! What the calls must have been like for a checker to see anything in them: some at the same time, on
//! the same key, of different nodes; and of each kind some that succeeded.

use super::coverage::is_refusal;
use harness_history::{Function, Header, Operation, Outcome};
use reports::Condition;
use std::collections::BTreeMap;
use workloads::Scenario;

/// The share of the answered calls of a function that must have been done, not refused.
const SHARE_DONE: f64 = 0.1;
/// One call in so many must have met another one, or so many calls.
const ONE_MET_IN: usize = 100;
const MET: usize = 100;
/// Of fewer calls than this nothing is demanded: chance could have it so.
const ENOUGH: usize = 50;

/// What is demanded of the calls together.
pub(super) fn contention(
    scenario: &Scenario,
    header: Option<&Header>,
    operations: &[Operation],
) -> Vec<Condition> {
    let functions = scenario.workload.functions();
    let mut conditions: Vec<_> =
        functions.iter().filter_map(|function| done(*function, operations)).collect();
    if scenario.nodes > 1 && scenario.workload.shares_keys() && operations.len() >= ENOUGH {
        conditions.push(meetings(header, operations));
    }
    conditions
}

/// A store that refuses nearly every call shows little; so do clients that ask for nothing else.
fn done(function: Function, operations: &[Operation]) -> Option<Condition> {
    let of_function = || operations.iter().filter(|operation| operation.f == function);
    let ok = of_function().filter(|operation| operation.outcome == Outcome::Ok).count();
    let refused = of_function().filter(|operation| is_refusal(operation)).count();
    let answered = ok + refused;
    (refused > 0 && answered >= ENOUGH).then(|| Condition {
        demand: format!("of {function} calls {:.0} % are not refused", SHARE_DONE * 100.0),
        seen: format!("{ok} of {answered} were done"),
        met: ok as f64 >= answered as f64 * SHARE_DONE,
    })
}

fn meetings(header: Option<&Header>, operations: &[Operation]) -> Condition {
    let met = meeting(header, operations);
    let enough = operations.len().div_ceil(ONE_MET_IN);
    Condition {
        demand: String::from("calls of different nodes meet on a key"),
        seen: if met == 0 {
            String::from("none did; more --concurrency, more --rate or fewer --keys would help")
        } else {
            format!("{met} of {} did", operations.len())
        },
        met: met >= enough.min(MET),
    }
}

/// How many calls began while a call of another node on the same key was open.
fn meeting(header: Option<&Header>, operations: &[Operation]) -> usize {
    let Some(header) = header else { return 0 };
    // By key, the node and the end of each call that may still be open.
    let mut open: BTreeMap<Option<&str>, Vec<(&str, usize)>> = BTreeMap::new();
    let mut met = 0;
    for operation in operations {
        let Some(node) = header.node_of(operation.process) else { continue };
        let begins = operation.invoked.position;
        let others = open.entry(operation.key.as_deref()).or_default();
        others.retain(|&(_, ends)| ends > begins);
        met += usize::from(others.iter().any(|&(other, _)| other != node));
        // A call without an answer counts as over at once: its client has gone on.
        let ends = operation.completed.map_or(begins, |point| point.position);
        others.push((node, ends));
    }
    met
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_history::{Point, Value};

    fn header() -> Header {
        Header::new("m", Value::Null, vec!["n1".into(), "n2".into()], 4)
    }

    /// A call of a process on a key, from one event to another.
    fn call(process: u64, key: &str, from: usize, to: usize) -> Operation {
        let at = |position| Point { position, time: 0 };
        Operation {
            process,
            f: Function::Cas,
            key: Some(key.into()),
            input: Value::Null,
            output: Value::Null,
            outcome: Outcome::Ok,
            invoked: at(from),
            completed: Some(at(to)),
            error: None,
        }
    }

    #[test]
    fn calls_meet_on_one_key_at_one_time_from_different_nodes() {
        let met = |calls: &[Operation]| meeting(Some(&header()), calls);
        assert_eq!(met(&[call(0, "a", 0, 3), call(1, "a", 1, 2)]), 1);
        assert_eq!(met(&[call(0, "a", 0, 1), call(1, "a", 2, 3)]), 0, "one after the other");
        assert_eq!(met(&[call(0, "a", 0, 3), call(1, "b", 1, 2)]), 0, "on different keys");
        assert_eq!(met(&[call(0, "a", 0, 3), call(2, "a", 1, 2)]), 0, "of the same node");
        assert_eq!(met(&[call(0, "a", 0, 9), call(1, "a", 1, 2), call(1, "a", 3, 4)]), 2);
        assert_eq!(meeting(None, &[call(0, "a", 0, 3), call(1, "a", 1, 2)]), 0);
    }

    #[test]
    fn a_function_that_is_nearly_always_refused_is_named() {
        let refused =
            |number: usize| Operation { outcome: Outcome::Fail, ..call(0, "a", number, number) };
        let calls = |done: usize, all: usize| -> Vec<Operation> {
            (0..all).map(|n| if n < done { call(0, "a", n, n) } else { refused(n) }).collect()
        };
        let met = |done, all| done_of(&calls(done, all));
        assert_eq!(met(10, 100), Some(true));
        assert_eq!(met(9, 100), Some(false));
        assert_eq!(met(0, 49), None, "too few to tell");
        assert_eq!(met(100, 100), None, "nothing was refused");
    }

    fn done_of(calls: &[Operation]) -> Option<bool> {
        done(Function::Cas, calls).map(|condition| condition.met)
    }
}
