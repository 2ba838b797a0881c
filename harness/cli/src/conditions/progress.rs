//! Progress before, under and after the faults. What is demanded of a phase is a share of what was
//! answered before the first fault, and nothing where hardly anything would have been.

use super::{ROOM, at_least_one};
use reports::{Condition, CoveredCell, CoveredPhase};

/// Of fewer calls, none need succeed: chance could have it so.
const ENOUGH: f64 = 20.0;
/// The share of the rate before the faults that a node with a quorum keeps at least under a fault. Delays
/// and losses on all links leave some hundredths of a fast rate.
const SHARE_UNDER: f64 = 0.005;
/// The share of it that a node has at least after the last fault.
const SHARE_AFTER: f64 = 0.2;
/// After a call was given up, in so many seconds some call is answered.
const SETTLED: f64 = 0.25;
/// So many things that are missing are told; the others are counted.
const TOLD: usize = 3;

/// What is demanded of each phase, and of all faults together. A client gives a call up after `deadline`
/// seconds: where a node had less time than that, its clients may all have waited for what began before.
pub(super) fn progress(phases: &[CoveredPhase], deadline: f64) -> Vec<Condition> {
    let Some((before, later)) = phases.split_first() else { return Vec::new() };
    let every_call = demanded("every node answers every kind of call", missing_at_first(before));
    let Some((after, faults)) = later.split_last() else {
        let on_nodes = nodes(before).into_iter().map(|node| on_node(before, &node, ""));
        return on_nodes.chain([every_call]).collect();
    };
    let answered = |phase: &CoveredPhase| phase.cells.iter().map(CoveredCell::answered).sum();
    let mut conditions = vec![
        at_least_one(String::from("progress before the faults"), answered(before)),
        every_call,
    ];
    let room =
        |phase: &CoveredPhase| phase.cells.iter().map(|cell| cell.seconds).fold(0.0, f64::max);
    // Where hardly a moment is left to call in, none need succeed.
    if faults.iter().map(room).sum::<f64>() >= ROOM {
        let count = faults.iter().map(answered).sum();
        conditions.push(at_least_one(String::from("progress while faults come and go"), count));
    }
    let under = Least { share: SHARE_UNDER, seconds: deadline + SETTLED };
    let missing = faults.iter().flat_map(|phase| missing_in(phase, before, under)).collect();
    conditions.push(demanded("under each fault every node with a quorum goes on", missing));
    let on_nodes = nodes(after).into_iter().map(|node| on_node(after, &node, " after the faults"));
    conditions.extend(on_nodes);
    let after_all = Least { share: SHARE_AFTER, seconds: ROOM };
    let missing = missing_in(after, before, after_all);
    conditions.push(demanded("after the faults every node goes on as before", missing));
    conditions
}

fn on_node(phase: &CoveredPhase, node: &str, when: &str) -> Condition {
    let count = of_node(phase, node).map(CoveredCell::answered).sum();
    at_least_one(format!("progress on {node}{when}"), count)
}

/// What a node must show at least in a phase.
#[derive(Clone, Copy)]
struct Least {
    /// Of its rate before the first fault.
    share: f64,
    /// Where it had a quorum for less than this, nothing is demanded of it.
    seconds: f64,
}

fn demanded(demand: &str, missing: Vec<String>) -> Condition {
    let met = missing.is_empty();
    let mut seen = missing.iter().take(TOLD).cloned().collect::<Vec<_>>().join("; ");
    match missing.len() {
        0 => seen = String::from("it did"),
        all if all > TOLD => seen += &format!("; and {} more", all - TOLD),
        _ => {}
    }
    Condition { demand: demand.to_owned(), seen, met }
}

/// Nodes that answer much less than their part of a function, and functions that never succeed.
fn missing_at_first(phase: &CoveredPhase) -> Vec<String> {
    let mut missing = Vec::new();
    let nodes = nodes(phase).len().max(1) as f64;
    for function in functions(phase) {
        let all: usize = of_function(phase, &function).map(CoveredCell::answered).sum();
        let part = all as f64 / nodes;
        for cell in of_function(phase, &function) {
            if part >= ENOUGH && (cell.answered() as f64) < (part * SHARE_AFTER).max(1.0) {
                let (node, answered) = (&cell.node, cell.answered());
                missing.push(format!(
                    "{node} answered {answered} of the {all} {function} calls that were answered"
                ));
            }
        }
        let ok: usize = of_function(phase, &function).map(|cell| cell.ok).sum();
        if all as f64 >= ENOUGH && ok == 0 {
            missing.push(format!("no {function} succeeded, {all} were refused"));
        }
    }
    missing
}

/// What is missing in a later phase: nodes that have all but stopped, functions that a node that goes on
/// no longer answers, and functions that never succeed although they did before.
fn missing_in(phase: &CoveredPhase, before: &CoveredPhase, least: Least) -> Vec<String> {
    let during = &during(phase);
    let mut missing = Vec::new();
    let expected: f64 =
        pairs(phase, before).map(|(cell, before)| before.rate() * cell.seconds).sum();
    let room = phase.cells.iter().any(|cell| cell.seconds >= ROOM);
    if room && expected >= ENOUGH && phase.cells.iter().all(|cell| cell.answered() == 0) {
        return vec![format!("no node answered any call {during}")];
    }
    for node in nodes(phase) {
        let expected: f64 = pairs(phase, before)
            .filter(|(cell, _)| cell.node == node)
            .map(|(cell, before)| before.rate() * cell.seconds)
            .sum();
        let answered: usize = of_node(phase, &node).map(CoveredCell::answered).sum();
        if of_node(phase, &node).any(|cell| cell.seconds < least.seconds) {
            continue;
        }
        if expected >= ENOUGH && (answered as f64) < (expected * least.share).max(1.0) {
            missing.push(format!(
                "{node} answered {answered} calls {during}, where it had answered {expected:.0} before"
            ));
            continue;
        }
        let at_first: usize = of_node(before, &node).map(CoveredCell::answered).sum();
        for (cell, before) in pairs(phase, before).filter(|(cell, _)| cell.node == node) {
            let expected = answered as f64 * before.answered() as f64 / (at_first.max(1)) as f64;
            if expected >= ENOUGH && cell.answered() == 0 {
                let function = &cell.function;
                missing
                    .push(format!("{node} answered no {function} {during}, of {answered} calls"));
            }
        }
    }
    for function in functions(phase) {
        let sum = |phase, of: fn(&CoveredCell) -> usize| -> usize {
            of_function(phase, &function).map(of).sum()
        };
        let answered = sum(phase, CoveredCell::answered);
        let (ok, all) = (sum(before, |cell| cell.ok), sum(before, CoveredCell::answered));
        let expected = answered as f64 * ok as f64 / all.max(1) as f64;
        if expected >= ENOUGH && sum(phase, |cell| cell.ok) == 0 {
            missing.push(format!("no {function} succeeded {during}, {answered} were refused"));
        }
    }
    missing
}

/// When that was, in words.
fn during(phase: &CoveredPhase) -> String {
    match phase.fault {
        Some(number) => format!("under fault {number} ({})", phase.name),
        None => phase.name.clone(),
    }
}

/// The cells of a phase, each with the same cell before the faults.
fn pairs<'a>(
    phase: &'a CoveredPhase,
    before: &'a CoveredPhase,
) -> impl Iterator<Item = (&'a CoveredCell, &'a CoveredCell)> {
    phase.cells.iter().zip(&before.cells)
}

fn of_node<'a>(phase: &'a CoveredPhase, node: &str) -> impl Iterator<Item = &'a CoveredCell> {
    phase.cells.iter().filter(move |cell| cell.node == node)
}

fn of_function<'a>(
    phase: &'a CoveredPhase,
    function: &str,
) -> impl Iterator<Item = &'a CoveredCell> {
    phase.cells.iter().filter(move |cell| cell.function == function)
}

fn nodes(phase: &CoveredPhase) -> Vec<String> {
    distinct(phase.cells.iter().map(|cell| &cell.node))
}

fn functions(phase: &CoveredPhase) -> Vec<String> {
    distinct(phase.cells.iter().map(|cell| &cell.function))
}

/// Each name once, in the order in which they come.
fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        if !distinct.contains(name) {
            distinct.push(name.clone());
        }
    }
    distinct
}
