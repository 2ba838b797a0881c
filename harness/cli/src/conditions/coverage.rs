//! What was answered in each phase of a run, by node and function, beside what was answered before the
//! first fault: a phase in which nothing was answered shows nothing.
//!
//! The phases are the time before the first fault, each fault, and the time after the last one. Under a
//! fault a node counts only while its proposer keeps a quorum.

use harness_history::{FaultPeriod, Function, Header, Operation, Outcome};
use reports::{CoveredCell, CoveredPhase};
use std::collections::BTreeSet;
use workloads::{Scenario, keeps_a_quorum};

/// Counts calls by phase, node and function.
pub(super) fn coverage(
    scenario: &Scenario,
    header: Option<&Header>,
    operations: &[Operation],
    faults: &[FaultPeriod],
) -> Vec<CoveredPhase> {
    let nodes: Vec<String> = (1..=scenario.nodes).map(|node| format!("n{node}")).collect();
    let functions = scenario.workload.functions();
    let end = operations.iter().filter_map(|o| o.completed).map(|point| point.time).max();
    let timeline = Timeline::of(scenario, faults, end.unwrap_or(0));
    let mut phases = timeline.phases(&nodes, functions, faults);
    for operation in operations {
        let Some((node, function)) = place(header, &nodes, functions, operation) else { continue };
        let Some(completed) = operation.completed else { continue };
        for &phase in timeline.active(completed.time, node) {
            let cell = &mut phases[phase].cells[node * functions.len() + function];
            match operation.outcome {
                Outcome::Ok => cell.ok += 1,
                Outcome::Fail if is_refusal(operation) => cell.refused += 1,
                Outcome::Fail | Outcome::Info => {}
            }
        }
    }
    add_shares(&mut phases);
    phases
}

/// Whether the store has answered that a condition did not hold, which is as good an answer as any.
pub(super) fn is_refusal(operation: &Operation) -> bool {
    operation.outcome == Outcome::Fail && operation.error.is_none()
}

/// The numbers of an operation's node and function.
fn place(
    header: Option<&Header>,
    nodes: &[String],
    functions: &[Function],
    operation: &Operation,
) -> Option<(usize, usize)> {
    let name = header?.node_of(operation.process)?;
    let node = nodes.iter().position(|node| node == name)?;
    Some((node, functions.iter().position(|function| *function == operation.f)?))
}

/// Sets each cell's rate beside the rate of the same cell before the first fault.
fn add_shares(phases: &mut [CoveredPhase]) {
    let Some((before, later)) = phases.split_first_mut() else { return };
    for phase in later {
        for (cell, before) in phase.cells.iter_mut().zip(&before.cells) {
            let known = cell.seconds > 0.0 && before.rate() > 0.0;
            cell.share = known.then(|| cell.rate() / before.rate());
        }
    }
}

/// The run cut at every begin and end of a fault.
struct Timeline {
    /// Where the pieces begin; the last one is the end of the run.
    borders: Vec<u64>,
    /// The phases that a node takes part in, by piece and node.
    active: Vec<Vec<Vec<usize>>>,
    count: usize,
}

impl Timeline {
    fn of(scenario: &Scenario, faults: &[FaultPeriod], end: u64) -> Self {
        let ended = |fault: &FaultPeriod| fault.ended.unwrap_or(u64::MAX);
        let first = faults.iter().map(|fault| fault.began).min();
        let last = faults.iter().map(ended).max();
        let marks = faults.iter().flat_map(|fault| [fault.began, ended(fault)]);
        // The end is after the last call, so that it counts.
        let end = end.saturating_add(1);
        let borders: BTreeSet<u64> = marks.map(|time| time.min(end)).chain([0, end]).collect();
        let borders: Vec<u64> = borders.into_iter().collect();
        let after = faults.len() + 1;
        let piece = |from: u64| {
            let now = |fault: &&FaultPeriod| fault.began <= from && ended(fault) > from;
            let active: Vec<usize> = (0..faults.len()).filter(|&n| now(&&faults[n])).collect();
            let planned: Option<Vec<_>> =
                active.iter().map(|&n| scenario.schedule.get(faults[n].fault as usize)).collect();
            let phases = |proposer: u32| match &planned {
                _ if first.is_none_or(|first| from < first) => vec![0],
                _ if last.is_some_and(|last| from >= last) => vec![after],
                Some(planned) if keeps_a_quorum(planned, proposer, scenario.acceptors()) => {
                    active.iter().map(|number| number + 1).collect()
                }
                // It has no quorum, or nobody knows what strikes it.
                Some(_) | None => Vec::new(),
            };
            (1..=scenario.nodes).map(phases).collect()
        };
        let active = borders.iter().map(|&from| piece(from)).collect();
        let count = if faults.is_empty() { 1 } else { faults.len() + 2 };
        Self { borders, active, count }
    }

    /// The phases that a node takes part in at this time.
    fn active(&self, time: u64, node: usize) -> &[usize] {
        let piece = self.borders.partition_point(|&from| from <= time);
        piece.checked_sub(1).map_or(&[], |piece| &self.active[piece][node])
    }

    /// The phases, each with how long each node takes part in it.
    fn phases(
        &self,
        nodes: &[String],
        functions: &[Function],
        faults: &[FaultPeriod],
    ) -> Vec<CoveredPhase> {
        let mut nanoseconds = vec![vec![0_u64; nodes.len()]; self.count];
        for (piece, pair) in self.borders.windows(2).enumerate() {
            for (node, phases) in self.active[piece].iter().enumerate() {
                phases.iter().for_each(|&phase| nanoseconds[phase][node] += pair[1] - pair[0]);
            }
        }
        let named = |phase: usize| match phase {
            0 if faults.is_empty() => (String::from("the whole run"), None),
            0 => (String::from("before the faults"), None),
            _ => match faults.get(phase - 1) {
                Some(fault) => (fault.what.clone(), Some(fault.fault)),
                None => (String::from("after the faults"), None),
            },
        };
        let cells = |nanoseconds: &[u64]| {
            let of_node = |(node, &nanoseconds): (&String, &u64)| {
                let cell = |function: &Function| CoveredCell {
                    node: node.clone(),
                    function: function.name().to_owned(),
                    seconds: nanoseconds as f64 / 1e9,
                    ok: 0,
                    refused: 0,
                    share: None,
                };
                functions.iter().map(cell).collect::<Vec<_>>()
            };
            nodes.iter().zip(nanoseconds).flat_map(of_node).collect()
        };
        let phase = |(number, nanoseconds): (usize, &Vec<u64>)| {
            let (name, fault) = named(number);
            CoveredPhase { name, fault, cells: cells(nanoseconds) }
        };
        nanoseconds.iter().enumerate().map(phase).collect()
    }
}
