//! Where the band of a fault is, and where its label finds room.
//!
//! Labels stand above the plot in lanes. Each fault takes the first lane in which neither its band
//! nor its label meets another's, so that overlapping faults stay readable. A label that is wider
//! than its band stands beside it.

use super::Timeline;
use crate::wording::shortened;
use harness_history::{FaultPeriod, Proof};

/// So many lanes there are at most. Faults that find no room in any share one, without a label.
const LANES: usize = 8;
/// So many are no waste of room for the sake of names.
const FEW_LANES: usize = 3;
/// Estimated width of a character of a label, in pixels.
const CHARACTER: i32 = 8;
/// Between a label and the edge of its band, in pixels.
const PADDING: i32 = 4;
/// Even a fault that took no time is seen, in pixels.
const NARROWEST: i32 = 2;
const LONGEST_NAME: usize = 24;

/// Where one fault is drawn. Pixels count from the left edge of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Band {
    /// The number that the fault has in the list, and its name if there is room for it.
    pub(crate) label: Option<String>,
    /// Left end of the label.
    pub(crate) label_left: i32,
    pub(crate) left: i32,
    pub(crate) right: i32,
    /// Lane of the label, from 0 at the top.
    pub(crate) lane: usize,
    /// Whether the fault was verified.
    pub(crate) proved: bool,
}

impl Band {
    /// The pixels of the lane that it needs for itself.
    fn room(&self) -> (i32, i32) {
        let text = self.label.as_deref().map_or(0, label_width);
        (self.left.min(self.label_left), self.right.max(self.label_left + text) + 2 * PADDING)
    }
}

/// Places the faults over a plot that spans the timeline from `left` to `right`, in fault order.
///
/// Every band is named when that takes few lanes; else those that are too narrow for their name
/// have only their number.
pub(crate) fn placed(timeline: Timeline<'_>, left: i32, right: i32) -> Vec<Band> {
    let bands = |named| {
        let band = |fault| band(fault, timeline.end, left, right, named);
        in_lanes(timeline.faults.iter().map(band).collect())
    };
    let named = bands(true);
    if lanes(&named) <= FEW_LANES { named } else { bands(false) }
}

fn in_lanes(mut bands: Vec<Band>) -> Vec<Band> {
    let mut order: Vec<usize> = (0..bands.len()).collect();
    order.sort_by_key(|&number| bands[number].room());
    let mut lanes: Vec<i32> = Vec::new();
    for number in order {
        let band = &mut bands[number];
        let (from, to) = band.room();
        match lanes.iter().position(|&end| end <= from) {
            Some(lane) => {
                band.lane = lane;
                lanes[lane] = to;
            }
            None if lanes.len() < LANES => {
                band.lane = lanes.len();
                lanes.push(to);
            }
            None => {
                band.lane = LANES - 1;
                band.label = None;
            }
        }
    }
    bands
}

/// How many lanes the bands take.
pub(crate) fn lanes(bands: &[Band]) -> usize {
    bands.iter().map(|band| band.lane + 1).max().unwrap_or(0)
}

fn band(fault: &FaultPeriod, end: u64, left: i32, right: i32, named: bool) -> Band {
    let began = pixel(fault.began, end, left, right).min(right - NARROWEST);
    let ended = fault.ended.map_or(right, |time| pixel(time, end, left, right));
    let ended = ended.max(began + NARROWEST);
    let full = format!("{} {}", fault.fault, shortened(&fault.name, LONGEST_NAME));
    let fits = |label: &str| label_width(label) + 2 * PADDING <= ended - began;
    let label = if named || fits(&full) { full } else { fault.fault.to_string() };
    let label_left = if fits(&label) {
        began + PADDING
    } else if ended + PADDING + label_width(&label) <= right {
        ended + PADDING
    } else {
        began - PADDING - label_width(&label)
    };
    let proved = fault.proof == Proof::Held;
    Band { label: Some(label), label_left, left: began, right: ended, lane: 0, proved }
}

fn label_width(label: &str) -> i32 {
    i32::try_from(label.chars().count()).unwrap_or(i32::MAX / CHARACTER) * CHARACTER
}

fn pixel(time: u64, end: u64, left: i32, right: i32) -> i32 {
    let width = u128::from(right.abs_diff(left));
    let offset = u128::from(time.min(end)) * width / u128::from(end.max(1));
    left + i32::try_from(offset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::fault;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn over(seconds: u64, faults: &[FaultPeriod]) -> Vec<Band> {
        placed(Timeline { end: seconds * SECOND, faults }, 100, 1100)
    }

    #[test]
    fn a_band_spans_its_fault() {
        let bands = over(10, &[fault(0, "cut", 3, Proof::Held)]);
        assert_eq!((bands[0].left, bands[0].right), (400, 600));
        assert_eq!(bands[0].label.as_deref(), Some("0 cut"));
    }

    #[test]
    fn a_fault_that_was_never_undone_lasts_to_the_end() {
        let bands = over(10, &[fault(0, "cut", 3, Proof::Unfinished)]);
        assert_eq!((bands[0].left, bands[0].right, bands[0].proved), (400, 1100, false));
    }

    #[test]
    fn overlapping_faults_have_lanes_of_their_own() {
        let faults = [1, 2, 3, 4].map(|began| fault(7, "cut", began, Proof::Held));
        let lanes: Vec<_> = over(10, &faults).iter().map(|band| band.lane).collect();
        assert_eq!(lanes, [0, 1, 2, 0]);
    }

    #[test]
    fn a_label_at_the_end_stays_inside() {
        let bands = over(1000, &[fault(12, "cut", 999, Proof::Held)]);
        assert_eq!(bands[0].label.as_deref(), Some("12 cut"));
        assert!(bands[0].label_left + label_width("12 cut") < bands[0].left, "{bands:?}");
    }

    #[test]
    fn where_faults_are_many_the_narrow_ones_show_their_number_alone() {
        let mut faults: Vec<_> = (0..12)
            .map(|number| fault(number, "cut", 10 * u64::from(number), Proof::Held))
            .collect();
        faults.push(fault(12, "isolate", 500, Proof::Unfinished));
        let bands = over(1000, &faults);
        assert_eq!(bands[11].label.as_deref(), Some("11"));
        assert_eq!(bands[12].label.as_deref(), Some("12 isolate"));
    }

    #[test]
    fn a_clock_that_steps_back_still_leaves_a_band() {
        let mut fault = fault(0, "cut", 5, Proof::Held);
        fault.ended = Some(0);
        let bands = over(10, &[fault]);
        assert_eq!((bands[0].left, bands[0].right), (600, 602));
    }

    proptest! {
        #[test]
        fn labels_never_meet(begins in prop::collection::vec(0_u64..1000, 0..60)) {
            let faults: Vec<_> =
                (0..).zip(&begins).map(|(n, &began)| fault(n, "cut", began, Proof::Held)).collect();
            let bands = over(1000, &faults);
            prop_assert_eq!(bands.len(), faults.len());
            prop_assert!(lanes(&bands) <= LANES);
            let labelled: Vec<_> = bands.iter().filter(|band| band.label.is_some()).collect();
            for (number, one) in labelled.iter().enumerate() {
                for other in &labelled[..number] {
                    let ((a, b), (c, d)) = (one.room(), other.room());
                    prop_assert!(one.lane != other.lane || b <= c || d <= a, "{:?} {:?}", one, other);
                }
            }
        }
    }
}
