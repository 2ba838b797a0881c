//! How the calls went: counts, latencies, rates, and the longest time without a success.
//!
//! - *span*: from the earliest invocation of the whole history to its latest event, for every node
//!   alike. A node that answers nothing has a gap as long as the span.
//! - *latency*: from invocation to completion, of the calls that happened (`ok`). A clock that steps
//!   back makes it zero, never negative.
//! - *percentile*: nearest rank over all latencies, sorted; nothing is sampled or binned.
//! - *gap*: time between neighbouring completions of `ok` calls, the ends of the span included.

use crate::Measures;
use harness_history::{Header, Operation, Outcome};
use std::collections::BTreeMap;

const NANOSECONDS_PER_MILLISECOND: f64 = 1e6;

/// Measures over all operations together (node `all`), and per node in the order of the header.
///
/// Operations whose node is unknown count only in the total; a history without a header has no nodes.
#[must_use]
pub fn measures(header: Option<&Header>, operations: &[Operation]) -> (Measures, Vec<Measures>) {
    let span = Span::of(operations);
    let total = Tally::of(operations.iter()).measures("all", span);
    let Some(header) = header else { return (total, Vec::new()) };
    let mut by_node: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        if let Some(node) = header.node_of(operation.process) {
            by_node.entry(node).or_default().push(operation);
        }
    }
    let measured = |node: &String| {
        let operations = by_node.remove(node.as_str()).unwrap_or_default();
        Tally::of(operations.into_iter()).measures(node, span)
    };
    (total, header.nodes.iter().map(measured).collect())
}

/// From the earliest invocation to the latest event, in nanoseconds since the run began.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    to: u64,
}

impl Span {
    /// None when nothing was called.
    fn of(operations: &[Operation]) -> Option<Self> {
        let from = operations.iter().map(|operation| operation.invoked.time).min()?;
        let ends = operations.iter().filter_map(|operation| operation.completed);
        let points = operations.iter().map(|operation| operation.invoked).chain(ends);
        let to = points.map(|point| point.time).max()?;
        Some(Self { from, to })
    }
}

#[derive(Debug, Default)]
struct Tally {
    operations: usize,
    fail: usize,
    info: usize,
    ok_by_function: BTreeMap<String, usize>,
    /// Of the ok calls, in nanoseconds.
    latencies: Vec<u64>,
    /// Of the ok calls, in nanoseconds since the run began.
    completions: Vec<u64>,
}

impl Tally {
    fn of<'a>(operations: impl Iterator<Item = &'a Operation>) -> Self {
        let mut tally = Self::default();
        for operation in operations {
            tally.count(operation);
        }
        tally.latencies.sort_unstable();
        tally.completions.sort_unstable();
        tally
    }

    fn count(&mut self, operation: &Operation) {
        self.operations += 1;
        match operation.outcome {
            Outcome::Fail => self.fail += 1,
            Outcome::Info => self.info += 1,
            Outcome::Ok => {
                *self.ok_by_function.entry(operation.f.name().to_owned()).or_default() += 1;
                let invoked = operation.invoked.time;
                let completed = operation.completed.map_or(invoked, |point| point.time);
                self.latencies.push(completed.saturating_sub(invoked));
                self.completions.push(completed);
            }
        }
    }

    fn measures(self, node: &str, span: Option<Span>) -> Measures {
        let percentile = |percent| nearest_rank(&self.latencies, percent).map(milliseconds);
        Measures {
            node: node.to_owned(),
            operations: self.operations,
            ok: self.latencies.len(),
            fail: self.fail,
            info: self.info,
            p50_ms: percentile(50),
            p99_ms: percentile(99),
            max_ms: percentile(100),
            longest_gap_ms: span.map(|span| milliseconds(longest_gap(&self.completions, span))),
            ok_per_second: span.map_or(0.0, |span| rate(self.latencies.len(), span)),
            ok_by_function: self.ok_by_function,
        }
    }
}

/// The smallest value that at least `percent` of all values do not exceed. `sorted` ascends.
fn nearest_rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn longest_gap(completions: &[u64], span: Span) -> u64 {
    let mut longest = 0;
    let mut last = span.from;
    for &time in completions.iter().chain([&span.to]) {
        longest = longest.max(time.saturating_sub(last));
        last = last.max(time);
    }
    longest
}

/// Zero when no time passed: there is no rate then.
fn rate(ok: usize, span: Span) -> f64 {
    if span.to <= span.from {
        return 0.0;
    }
    ok as f64 * 1e9 / (span.to - span.from) as f64
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / NANOSECONDS_PER_MILLISECOND
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::operation;
    use harness_history::Value;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn header(nodes: &[&str], concurrency: u64) -> Header {
        let nodes = nodes.iter().map(|&node| node.to_owned()).collect();
        Header::new("cas-register", Value::Null, nodes, concurrency)
    }

    fn ok(process: u64, invoked: u64, completed: u64) -> Operation {
        operation(process, Outcome::Ok, invoked * MS, Some(completed * MS))
    }

    #[test]
    fn nothing_was_called() {
        let (total, nodes) = measures(Some(&header(&["n1"], 1)), &[]);
        assert_eq!((total.operations, total.longest_gap_ms, total.p50_ms), (0, None, None));
        assert_eq!(total.ok_per_second, 0.0);
        assert_eq!(nodes[0].node, "n1");
    }

    #[test]
    fn percentiles_are_ranks_of_the_sorted_latencies() {
        let operations: Vec<_> = (1..=200).rev().map(|latency| ok(0, 0, latency)).collect();
        let (total, _) = measures(None, &operations);
        assert_eq!(
            (total.p50_ms, total.p99_ms, total.max_ms),
            (Some(100.0), Some(198.0), Some(200.0))
        );
    }

    #[test]
    fn the_gap_counts_the_silence_at_both_ends() {
        let early = operation(1, Outcome::Fail, 0, Some(MS));
        let late = operation(1, Outcome::Info, 90 * MS, Some(100 * MS));
        let gap = |times: &[u64]| {
            let mut operations = vec![early.clone(), late.clone()];
            operations.extend(times.iter().map(|&time| ok(0, time, time)));
            measures(None, &operations).0.longest_gap_ms
        };
        assert_eq!(gap(&[50]), Some(50.0));
        assert_eq!(gap(&[70]), Some(70.0));
        assert_eq!(gap(&[20, 40]), Some(60.0));
        assert_eq!(gap(&[]), Some(100.0));
    }

    #[test]
    fn a_node_is_measured_over_the_span_of_the_whole_history() {
        let operations = [ok(0, 0, 10), ok(1, 500, 1000), ok(0, 990, 1000)];
        let (total, nodes) = measures(Some(&header(&["n1", "n2"], 2)), &operations);
        assert_eq!(total.ok_per_second, 3.0);
        assert_eq!(nodes[0].longest_gap_ms, Some(990.0));
        assert_eq!(nodes[1].longest_gap_ms, Some(1000.0));
        assert_eq!(nodes[1].ok_per_second, 1.0);
    }

    #[test]
    fn operations_of_unknown_nodes_count_only_in_the_total() {
        let (total, nodes) = measures(Some(&header(&["n1"], 0)), &[ok(0, 0, 1)]);
        assert_eq!((total.operations, nodes[0].operations), (1, 0));
        assert!(measures(None, &[ok(0, 0, 1)]).1.is_empty());
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_negative_latency() {
        let (total, _) = measures(None, &[ok(0, 20, 10)]);
        assert_eq!((total.max_ms, total.ok_per_second), (Some(0.0), 0.0));
    }

    proptest! {
        #[test]
        fn nodes_add_up_to_the_total(
            calls in prop::collection::vec((0_u64..6, 0_usize..3, 0_u64..1000, 0_u64..1000), 0..60)
        ) {
            let outcomes = [Outcome::Ok, Outcome::Fail, Outcome::Info];
            let call = |(process, outcome, invoked, completed)| {
                operation(process, outcomes[outcome], invoked, Some(completed))
            };
            let operations: Vec<_> = calls.into_iter().map(call).collect();
            let (total, nodes) = measures(Some(&header(&["n1", "n2", "n3"], 6)), &operations);
            prop_assert_eq!(total.ok + total.fail + total.info, operations.len());
            prop_assert_eq!(nodes.iter().map(|node| node.ok).sum::<usize>(), total.ok);
            prop_assert_eq!(total.ok_by_function.values().sum::<usize>(), total.ok);
            prop_assert!(nodes.iter().all(|node| node.longest_gap_ms >= total.longest_gap_ms));
        }
    }
}
