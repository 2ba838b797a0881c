//! How many calls ended per second, by how they ended.

use super::axis::{Timeline, multiples, round_step};
use super::bins::{Bins, Rate};
use super::canvas::{Measured, Plot, drawn};
use super::ink::Ink;
use super::scale::Scale;
use super::{DrawError, OUTCOMES};
use crate::ReportError;
use crate::wording::{seconds, set_apart};
use harness_history::{Operation, Outcome};
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{PathElement, Polygon};
use plotters::style::Color;

const MOST_TICKS: u64 = 10;

/// The drawing, and what its caption has to say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ThroughputChart {
    pub(crate) svg: String,
    /// Width of a bin in nanoseconds.
    pub(crate) bin: u64,
}

/// Draws a stepped line for every outcome that there is, the one of the ok calls filled.
///
/// # Errors
/// [`ReportError::Chart`].
pub(crate) fn throughput(
    timeline: Timeline<'_>,
    operations: &[Operation],
) -> Result<ThroughputChart, ReportError> {
    let end = |operation: &Operation| operation.completed.map(|at| (operation.outcome, at.time));
    let bins = Bins::count(operations.iter().filter_map(end), timeline.end);
    let svg = draw(timeline, &bins)
        .map_err(|source| ReportError::Chart { chart: "throughput", source })?;
    Ok(ThroughputChart { svg, bin: bins.width })
}

fn draw(timeline: Timeline<'_>, bins: &Bins) -> Result<String, DrawError> {
    let step = round_step(bins.peak(), MOST_TICKS);
    let top = bins.peak().div_ceil(step).saturating_mul(step);
    let ticks = multiples(step, top).map(|tick| tick as f64).collect();
    let measured = Measured {
        scale: Scale::new(RangedCoordf64::from(0.0..top as f64), ticks, Vec::new()),
        title: "operations per second",
        write: |rate| set_apart(&format!("{rate:.0}")),
    };
    let label = "Operations that ended per second over time, by outcome, with the faults behind it";
    drawn(timeline, measured, label, |plot| {
        for outcome in OUTCOMES.into_iter().filter(|&outcome| bins.has(outcome)) {
            let corners: Vec<_> = bins.rates(outcome).flat_map(corners).collect();
            draw_rate(plot, outcome, corners)?;
        }
        Ok(())
    })
}

fn corners(rate: Rate) -> [(f64, f64); 2] {
    [(seconds(rate.from), rate.per_second), (seconds(rate.to), rate.per_second)]
}

fn draw_rate<Y: Ranged<ValueType = f64>>(
    plot: &mut Plot<'_, Y>,
    outcome: Outcome,
    corners: Vec<(f64, f64)>,
) -> Result<(), DrawError> {
    let ink = match outcome {
        Outcome::Ok => {
            let floor = |corner: Option<&(f64, f64)>| corner.map(|&(time, _)| (time, 0.0));
            let mut area = corners.clone();
            area.extend(floor(corners.last()).into_iter().chain(floor(corners.first())));
            plot.draw_series([Polygon::new(area, Ink::OkArea.colour().filled())])?;
            Ink::Ok
        }
        Outcome::Fail => Ink::Fail,
        Outcome::Info => Ink::Info,
    };
    plot.draw_series([PathElement::new(corners, ink.colour().stroke_width(1))])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::{fault, history, operation, operations};
    use harness_history::Proof;

    #[test]
    fn every_outcome_that_there_is_has_a_line() {
        let faults = [fault(0, "cut", 1, Proof::Held)];
        let lines = |operations: &[Operation]| {
            let timeline = Timeline::of(&history(), operations, &faults);
            let chart = throughput(timeline, operations).unwrap();
            ["s-ok", "s-fail", "s-info"].map(|class| chart.svg.matches(class).count())
        };
        assert_eq!(lines(&operations()), [1, 1, 1]);
        assert_eq!(lines(&[operation(0, Outcome::Fail, 1, Some(2))]), [0, 1, 0]);
        assert_eq!(lines(&[operation(0, Outcome::Info, 1, None)]), [0, 0, 0]);
    }

    #[test]
    fn the_width_of_the_bins_is_known_to_the_caption() {
        let timeline = Timeline { end: 10_000_000_000, faults: &[] };
        let chart = throughput(timeline, &operations()).unwrap();
        assert_eq!(chart.bin, 100_000_000);
        assert!(!chart.svg.contains("=\"#"), "no fixed colour is left: {}", chart.svg);
    }
}
