//! How far the axes go, and where their ticks are.

use harness_history::{FaultPeriod, History, Operation};

/// The shortest time axis, in nanoseconds: a run of no length can still be drawn.
const SHORTEST: u64 = 1_000_000;

/// The ticks of a latency axis, in milliseconds: from one microsecond to a thousand seconds.
const DECADES: [f64; 10] = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];

/// The time axis that both charts share, and the faults along it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline<'a> {
    /// Where the axis ends, in nanoseconds since the run began. It starts at 0.
    pub(crate) end: u64,
    /// In order of their number.
    pub(crate) faults: &'a [FaultPeriod],
}

impl<'a> Timeline<'a> {
    /// An axis that holds every event and every fault.
    pub(crate) fn of(
        history: &History,
        operations: &[Operation],
        faults: &'a [FaultPeriod],
    ) -> Self {
        let events = history.events.iter().map(|event| event.time);
        let invoked = operations.iter().map(|operation| operation.invoked.time);
        let ends = operations.iter().filter_map(|operation| operation.completed);
        let faulty = faults.iter().map(|fault| fault.ended.unwrap_or(fault.began));
        let times = events.chain(invoked).chain(ends.map(|point| point.time)).chain(faulty);
        Self { end: times.max().unwrap_or(0).max(SHORTEST), faults }
    }
}

/// The smallest of 1, 2, 5, 10, 20, 50, … of which at most `most` (10 or more) span the range.
pub(crate) fn round_step(range: u64, most: u64) -> u64 {
    let mut decade = 1;
    loop {
        for step in [decade, 2 * decade, 5 * decade] {
            if range.div_ceil(step) <= most {
                return step;
            }
        }
        decade *= 10;
    }
}

/// Multiples of the step from 0 to the end.
pub(crate) fn multiples(step: u64, end: u64) -> impl Iterator<Item = u64> {
    (0..=end / step).map(move |multiple| multiple * step)
}

/// A logarithmic axis: whole decades that hold the values between `low` and `high`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogAxis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Ticks with a label.
    pub(crate) labelled: Vec<f64>,
    /// Lines without one.
    pub(crate) unlabelled: Vec<f64>,
}

impl LogAxis {
    /// `low` and `high` in milliseconds; what lies outside the decades is drawn at their edge.
    pub(crate) fn over(low: f64, high: f64) -> Self {
        let last = DECADES.len() - 1;
        let from = DECADES.iter().rposition(|&decade| decade <= low).unwrap_or(0).min(last - 1);
        let to = DECADES.iter().position(|&decade| decade >= high).unwrap_or(last).max(from + 1);
        let decades = &DECADES[from..=to];
        let between = |factors: &'static [f64]| {
            let below = &decades[..decades.len() - 1];
            below.iter().flat_map(|&decade| factors.iter().map(move |factor| decade * factor))
        };
        // One or two decades would leave the reader with next to no labels.
        let (labelled, unlabelled): (&[f64], &[f64]) = if decades.len() <= 3 {
            (&[2.0, 5.0], &[3.0, 4.0, 6.0, 7.0, 8.0, 9.0])
        } else {
            (&[], &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
        };
        Self {
            low: decades[0],
            high: decades[decades.len() - 1],
            labelled: decades.iter().copied().chain(between(labelled)).collect(),
            unlabelled: between(unlabelled).collect(),
        }
    }

    /// The value itself, or the edge that it lies beyond.
    pub(crate) fn held(&self, value: f64) -> f64 {
        value.clamp(self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::{fault, history, operation};
    use harness_history::{Outcome, Proof};
    use proptest::prelude::*;

    #[test]
    fn the_axis_reaches_the_last_event_or_the_last_fault() {
        let faults = [fault(0, "cut", 3, Proof::Held)];
        let late = [operation(0, Outcome::Ok, 7_000_000_000, Some(6_000_000_000))];
        assert_eq!(Timeline::of(&history(), &[], &faults).end, 5_000_000_000);
        assert_eq!(Timeline::of(&history(), &late, &faults).end, 7_000_000_000);
        assert_eq!(Timeline::of(&history(), &[], &[]).end, SHORTEST);
    }

    #[test]
    fn decades_hold_every_value() {
        let axis = LogAxis::over(0.4, 700.0);
        assert_eq!((axis.low, axis.high), (0.1, 1000.0));
        assert_eq!(axis.labelled, [0.1, 1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(axis.held(0.0), 0.1);
    }

    #[test]
    fn a_single_value_still_has_an_axis() {
        assert_eq!(LogAxis::over(1.0, 1.0).labelled, [1.0, 10.0, 2.0, 5.0]);
        assert_eq!(LogAxis::over(1e9, 1e9).high, 1e6);
        assert_eq!(LogAxis::over(0.0, 0.0).low, 0.001);
    }

    proptest! {
        #[test]
        fn steps_are_as_fine_as_they_may_be(range in 1_u64.., most in 10_u64..200) {
            let step = round_step(range, most);
            prop_assert!(range.div_ceil(step) <= most);
            prop_assert!(step == 1 || range.div_ceil(step) * 5 >= most * 2 - 5, "{step}");
        }
    }
}
