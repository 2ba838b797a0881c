//! What one turn of one case came to.

use crate::BenchError;
use crate::meter::Costs;
use hdrhistogram::Histogram;
use std::fmt;
use std::time::Duration;

/// How one call on the store ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what was asked.
    Ok,
    /// It did nothing, and never will.
    NotApplied,
    /// Whether it took effect is unknown.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::NotApplied => "not applied",
            Self::Unknown => "unknown",
        })
    }
}

/// How calls ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Outcomes {
    /// They did what was asked.
    pub ok: u64,
    /// They did nothing, and never will.
    pub not_applied: u64,
    /// Whether it took effect is unknown.
    pub unknown: u64,
}

impl Outcomes {
    pub(crate) const fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::NotApplied => self.not_applied += 1,
            Outcome::Unknown => self.unknown += 1,
        }
    }

    pub(crate) const fn add(&mut self, other: Self) {
        self.ok += other.ok;
        self.not_applied += other.not_applied;
        self.unknown += other.unknown;
    }

    /// All that did not end well.
    #[must_use]
    pub const fn failed(self) -> u64 {
        self.not_applied + self.unknown
    }
}

/// The calls of one loop within one turn.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) outcomes: Outcomes,
    /// Those that ended well before the turn was over.
    pub(crate) in_time: u64,
    /// Nanoseconds of each call, whatever its outcome.
    pub(crate) nanos: Vec<u64>,
}

impl Tally {
    pub(crate) fn count(&mut self, outcome: Outcome, took: Duration, in_time: bool) {
        self.outcomes.count(outcome);
        self.in_time += u64::from(in_time && outcome == Outcome::Ok);
        self.nanos.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// One turn of one case.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) span: Duration,
    pub(crate) outcomes: Outcomes,
    pub(crate) in_time: u64,
    /// Nanoseconds of each call; empty where a call's time means nothing.
    pub(crate) latencies: Histogram<u64>,
    /// What the loop that was served least got, as a share of the mean; none for a single loop.
    pub(crate) least_served: Option<f64>,
    /// Rounds that met another proposer, where the store counts them.
    pub(crate) conflicts: Option<u64>,
    pub(crate) costs: Costs,
}

/// The range of the histogram in nanoseconds, and its significant digits.
const SHORTEST_NS: u64 = 100;
const LONGEST_NS: u64 = 600_000_000_000;
const DIGITS: u8 = 3;

/// An empty histogram of nanoseconds.
pub(crate) fn histogram() -> Result<Histogram<u64>, BenchError> {
    Histogram::new_with_bounds(SHORTEST_NS, LONGEST_NS, DIGITS)
        .map_err(|error| BenchError::Histogram(error.to_string()))
}

impl Slice {
    /// The sum over the loops of one turn. The caller adds the costs, which it has measured.
    pub(crate) fn of(span: Duration, tallies: &[Tally]) -> Result<Self, BenchError> {
        let mut slice = Self {
            span,
            outcomes: Outcomes::default(),
            in_time: 0,
            latencies: histogram()?,
            least_served: least_served(tallies),
            conflicts: None,
            costs: Costs::default(),
        };
        for tally in tallies {
            slice.outcomes.add(tally.outcomes);
            slice.in_time += tally.in_time;
            for nanos in &tally.nanos {
                slice.latencies.saturating_record(*nanos);
            }
        }
        Ok(slice)
    }

    /// What ended well, by the second.
    pub(crate) fn per_second(&self) -> f64 {
        self.in_time as f64 / self.span.as_secs_f64()
    }
}

fn least_served(tallies: &[Tally]) -> Option<f64> {
    let total: u64 = tallies.iter().map(|tally| tally.outcomes.ok).sum();
    let least = tallies.iter().map(|tally| tally.outcomes.ok).min()?;
    (tallies.len() > 1 && total > 0).then(|| least as f64 * tallies.len() as f64 / total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(calls: &[(Outcome, u64)]) -> Tally {
        let mut tally = Tally::default();
        for (outcome, millis) in calls {
            tally.count(*outcome, Duration::from_millis(*millis), *millis < 100);
        }
        tally
    }

    #[test]
    fn a_rate_counts_what_ended_well_and_in_time() {
        let tallies = [
            tally(&[(Outcome::Ok, 1), (Outcome::Ok, 2), (Outcome::NotApplied, 3)]),
            tally(&[(Outcome::Ok, 4), (Outcome::Unknown, 5), (Outcome::Ok, 100)]),
        ];
        let slice = Slice::of(Duration::from_millis(500), &tallies).unwrap();
        assert_eq!(slice.outcomes, Outcomes { ok: 4, not_applied: 1, unknown: 1 });
        assert!((slice.per_second() - 6.0).abs() < f64::EPSILON);
        assert_eq!(slice.latencies.len(), 6, "a failed call takes its time too");
    }

    #[test]
    fn the_loop_served_least_is_compared_with_the_mean() {
        let tallies = [tally(&[(Outcome::Ok, 1); 6]), tally(&[(Outcome::Ok, 1); 2])];
        assert_eq!(least_served(&tallies), Some(0.5));
        assert_eq!(least_served(&tallies[..1]), None);
        assert_eq!(least_served(&[tally(&[]), tally(&[])]), None);
    }
}
