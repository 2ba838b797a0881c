//! How long every call took, at the time of its invocation.

use super::axis::{LogAxis, Timeline};
use super::canvas::{Measured, Plot, drawn};
use super::ink::Ink;
use super::sample::{LatencyPoint, thinned};
use super::scale::Scale;
use super::{DrawError, OUTCOMES};
use crate::ReportError;
use harness_history::{Operation, Outcome};
use plotters::coord::combinators::{IntoLogRange, LogCoord};
use plotters::coord::ranged1d::Ranged;
use plotters::element::{Circle, Cross, TriangleMarker};
use plotters::style::Color;

/// Most points that are drawn of each outcome.
const LIMIT: usize = 4000;
/// The latency of a call without a completion: beyond every axis, and so drawn at its edge.
const NEVER: u64 = u64::MAX;
const NANOSECONDS_PER_MILLISECOND: f64 = 1e6;

/// The drawing, and what its caption has to own up to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LatencyChart {
    pub(crate) svg: String,
    /// Outcomes of which not every point is drawn: how many are, of how many.
    pub(crate) thinned: Vec<(Outcome, usize, usize)>,
    /// Calls that never ended, which are drawn at the upper edge.
    pub(crate) open: usize,
}

/// Draws one point per call, or the extremes and some between when there are very many.
///
/// # Errors
/// [`ReportError::Chart`].
pub(crate) fn latency(
    timeline: Timeline<'_>,
    operations: &[Operation],
) -> Result<LatencyChart, ReportError> {
    let mut left_out = Vec::new();
    let mut series = Vec::new();
    for outcome in OUTCOMES {
        let points = points(operations, outcome);
        let all = points.len();
        let points = thinned(points, LIMIT);
        if points.len() < all {
            left_out.push((outcome, points.len(), all));
        }
        series.push((outcome, points));
    }
    let svg = draw(timeline, &series)
        .map_err(|source| ReportError::Chart { chart: "latency", source })?;
    let open = operations.iter().filter(|operation| operation.completed.is_none()).count();
    Ok(LatencyChart { svg, thinned: left_out, open })
}

fn points(operations: &[Operation], outcome: Outcome) -> Vec<LatencyPoint> {
    let point = |operation: &Operation| {
        let time = operation.invoked.time;
        let latency = operation.completed.map_or(NEVER, |end| end.time.saturating_sub(time));
        LatencyPoint { time, latency }
    };
    operations.iter().filter(|operation| operation.outcome == outcome).map(point).collect()
}

fn draw(
    timeline: Timeline<'_>,
    series: &[(Outcome, Vec<LatencyPoint>)],
) -> Result<String, DrawError> {
    let points = || series.iter().flat_map(|(_, points)| points);
    let latencies = || points().filter(|point| point.latency != NEVER).map(milliseconds);
    let low = latencies().reduce(f64::min).unwrap_or(1.0);
    let high = latencies().reduce(f64::max).unwrap_or(1.0);
    let ends = LogAxis::over(low, high);
    let range = LogCoord::from((ends.low..ends.high).log_scale());
    let scale = Scale::new(range, ends.labelled.clone(), ends.unlabelled.clone());
    let measured = Measured { scale, title: "latency (ms)", write: |ms| tick(*ms) };
    let label = "Latency of every operation over time, by outcome, with the faults behind it";
    drawn(timeline, measured, label, |plot| {
        for (outcome, points) in series {
            let at = |point: &LatencyPoint| {
                (crate::wording::seconds(point.time), ends.held(milliseconds(point)))
            };
            draw_points(plot, *outcome, points.iter().map(at))?;
        }
        Ok(())
    })
}

/// Outcomes differ in shape as well as in colour.
fn draw_points<Y: Ranged<ValueType = f64>>(
    plot: &mut Plot<'_, Y>,
    outcome: Outcome,
    points: impl Iterator<Item = (f64, f64)>,
) -> Result<(), DrawError> {
    match outcome {
        Outcome::Ok => {
            let style = Ink::Ok.colour().filled();
            plot.draw_series(points.map(|at| Circle::new(at, 2, style)))?;
        }
        Outcome::Fail => {
            let style = Ink::Fail.colour().stroke_width(1);
            plot.draw_series(points.map(|at| Cross::new(at, 3, style)))?;
        }
        Outcome::Info => {
            let style = Ink::Info.colour().filled();
            plot.draw_series(points.map(|at| TriangleMarker::new(at, 4, style)))?;
        }
    }
    Ok(())
}

fn milliseconds(point: &LatencyPoint) -> f64 {
    point.latency as f64 / NANOSECONDS_PER_MILLISECOND
}

/// `0.01`, `5`, `1,000`: ticks are round, and need no more digits than they have.
fn tick(milliseconds: f64) -> String {
    if milliseconds < 1.0 {
        let text = format!("{milliseconds:.3}");
        return text.trim_end_matches('0').to_owned();
    }
    crate::wording::set_apart(&format!("{milliseconds:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::{fault, history, operation, operations};
    use harness_history::Proof;

    fn chart(operations: &[Operation]) -> LatencyChart {
        let faults = [fault(0, "cut", 1, Proof::Held)];
        latency(Timeline::of(&history(), operations, &faults), operations).unwrap()
    }

    #[test]
    fn every_outcome_has_a_shape_of_its_own() {
        let chart = chart(&operations());
        let count = |mark: &str| chart.svg.matches(mark).count();
        assert_eq!(count("<circle"), 180);
        assert_eq!(count("class=\"f-info\""), 10);
        assert_eq!(count("class=\"s-fail\""), 2 * 10, "two lines to a cross");
        assert!(chart.thinned.is_empty());
    }

    #[test]
    fn no_fixed_colour_is_left() {
        let svg = chart(&operations()).svg;
        assert!(!svg.contains("=\"#"), "{svg}");
    }

    #[test]
    fn a_call_that_never_ended_is_counted_and_drawn() {
        let open = [operation(0, Outcome::Info, 5, None)];
        let chart = chart(&open);
        assert_eq!(chart.open, 1);
        assert_eq!(chart.svg.matches("f-info").count(), 1);
    }

    #[test]
    fn what_is_not_drawn_is_owned_up_to() {
        let many: Vec<_> =
            (0..9000).map(|time| operation(0, Outcome::Fail, time, Some(2 * time))).collect();
        let chart = chart(&many);
        let [(Outcome::Fail, drawn, 9000)] = chart.thinned[..] else { panic!("{chart:?}") };
        assert!(drawn <= LIMIT);
        assert_eq!(chart.svg.matches("s-fail").count(), 2 * drawn);
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!([0.001, 0.1, 0.5, 1.0, 1e4].map(tick), ["0.001", "0.1", "0.5", "1", "10,000"]);
    }
}
