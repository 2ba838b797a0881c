//! Axes, grid and fault bands: what both charts share.

use super::DrawError;
use super::axis::{Timeline, multiples, round_step};
use super::bands::{self, Band};
use super::ink::{Ink, themed};
use super::scale::Scale;
use crate::wording::seconds;
use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, TextStyle};

const WIDTH: u32 = 1060;
/// Height of the plot with the labels of its time axis, without the lanes of the faults.
const HEIGHT: u32 = 300;
const LEFT: i32 = 66;
const RIGHT: i32 = 14;
const BELOW: i32 = 42;
const LANE: i32 = 19;
/// Between the lanes and the plot.
const GAP: i32 = 5;
/// The plotting library makes text smaller than it is told by a factor of 1.24.
const TEXT: f64 = 12.0 * 1.24;
const MOST_TICKS: u64 = 12;

type Pen<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Where a series is drawn: seconds since the run began, and whatever the chart measures.
pub(super) type Plot<'a, Y> =
    ChartContext<'a, SVGBackend<'a>, Cartesian2d<Scale<RangedCoordf64>, Scale<Y>>>;

/// The axis on the left.
pub(super) struct Measured<Y> {
    pub(super) scale: Scale<Y>,
    /// What is measured, in which unit.
    pub(super) title: &'static str,
    pub(super) write: fn(&f64) -> String,
}

/// Draws one chart: grid, faults, then the series on top of them. `label` says what it is to those
/// who cannot see it, and stands in the drawing as it is.
pub(super) fn drawn<Y>(
    timeline: Timeline<'_>,
    measured: Measured<Y>,
    label: &'static str,
    series: impl for<'a> FnOnce(&mut Plot<'a, Y>) -> Result<(), DrawError>,
) -> Result<String, DrawError>
where
    Y: Ranged<ValueType = f64>,
{
    let right = WIDTH.cast_signed() - RIGHT;
    let bands = bands::placed(timeline, LEFT, right);
    let above = i32::try_from(bands::lanes(&bands)).unwrap_or(0) * LANE + GAP;
    let height = HEIGHT + above.unsigned_abs();
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
    let end = seconds(timeline.end);
    let step = round_step(timeline.end, MOST_TICKS);
    let ticks = multiples(step, timeline.end).map(seconds).collect();
    let mut plot = ChartBuilder::on(&root)
        .margin_top(above)
        .margin_right(RIGHT)
        .x_label_area_size(BELOW)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(Scale::new((0.0..end).into(), ticks, Vec::new()), measured.scale)?;
    let colour = Ink::Text.colour();
    let text = TextStyle::from(("sans-serif", TEXT).into_font()).color(&colour);
    plot.configure_mesh()
        .axis_style(Ink::Axis.colour())
        .bold_line_style(Ink::Grid.colour())
        .light_line_style(Ink::FaintGrid.colour())
        .label_style(text.clone())
        .axis_desc_style(text)
        .x_desc("seconds since the start")
        .x_label_formatter(&|time| time.to_string())
        .y_desc(measured.title)
        .y_label_formatter(&measured.write)
        .draw()?;
    for band in &bands {
        draw_band(&root, band, above, height.cast_signed() - BELOW)?;
    }
    series(&mut plot)?;
    root.present()?;
    drop((plot, root));
    Ok(themed(&svg, WIDTH, height, label))
}

/// A soft strip over the height of the plot, and a tag with the label above it. What is not proved
/// has a dashed outline instead of the fill.
fn draw_band(root: &Pen<'_>, band: &Band, top: i32, bottom: i32) -> Result<(), DrawError> {
    let (strip, tag) = if band.proved {
        (Ink::Fault.colour().filled(), Ink::FaultTag.colour().filled())
    } else {
        (Ink::Doubt.colour().stroke_width(1), Ink::DoubtTag.colour().stroke_width(1))
    };
    let lane = i32::try_from(band.lane).unwrap_or(0) * LANE;
    let tag_bottom = lane + LANE - 2;
    root.draw(&Rectangle::new([(band.left, top), (band.right, bottom)], strip))?;
    root.draw(&Rectangle::new([(band.left, lane + 1), (band.right, tag_bottom)], tag))?;
    if let Some(label) = &band.label {
        let colour = Ink::FaultText.colour();
        let style = TextStyle::from(("sans-serif", TEXT).into_font())
            .color(&colour)
            .pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(label.as_str(), (band.label_left, lane + LANE / 2), style))?;
    }
    Ok(())
}
