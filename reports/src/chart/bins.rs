//! Operations counted together: how many of each outcome ended in each stretch of time.

use super::axis::round_step;
use harness_history::Outcome;

/// At most so many bins; the round width that this asks for leaves 60 of them or more.
const MOST: u64 = 150;
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// Bins of equal width from 0 to the end. The last one takes what is left, from half a width to one
/// and a half, so that no operation is left out and no rate is divided by next to no time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bins {
    /// Nanoseconds of every bin but the last.
    pub(crate) width: u64,
    end: u64,
    counts: Vec<[usize; 3]>,
}

impl Bins {
    /// Counts completions, given with their time in nanoseconds since the run began.
    pub(crate) fn count(ends: impl Iterator<Item = (Outcome, u64)>, end: u64) -> Self {
        let width = round_step(end, MOST);
        let bins = (end.saturating_add(width / 2) / width).max(1);
        let last = usize::try_from(bins - 1).unwrap_or(0);
        let mut counts = vec![[0; 3]; last + 1];
        for (outcome, time) in ends {
            let bin = usize::try_from(time / width).map_or(last, |bin| bin.min(last));
            counts[bin][place(outcome)] += 1;
        }
        Self { width, end, counts }
    }

    /// The rate of one outcome, bin by bin.
    pub(crate) fn rates(&self, outcome: Outcome) -> impl Iterator<Item = Rate> {
        let last = self.counts.len() - 1;
        (0_u64..).zip(self.counts.iter().enumerate()).map(move |(number, (bin, counts))| {
            let from = number * self.width;
            let to = if bin == last { self.end } else { from + self.width };
            let seconds = (to - from) as f64 / NANOSECONDS_PER_SECOND as f64;
            Rate { from, to, per_second: counts[place(outcome)] as f64 / seconds }
        })
    }

    /// Whether anything ended so.
    pub(crate) fn has(&self, outcome: Outcome) -> bool {
        self.counts.iter().any(|counts| counts[place(outcome)] > 0)
    }

    /// A whole number of operations per second that no rate exceeds, at least 1.
    pub(crate) fn peak(&self) -> u64 {
        let most = self.counts.iter().flatten().copied().max().unwrap_or(0) as u128;
        // The last bin may be half as wide as the others, and then counts double.
        let narrowest = self.width.min(self.end - self.width * (self.counts.len() as u64 - 1));
        let peak = (most * u128::from(NANOSECONDS_PER_SECOND)).div_ceil(u128::from(narrowest));
        u64::try_from(peak).unwrap_or(u64::MAX).max(1)
    }
}

/// How many operations ended so per second, from one time to another in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) per_second: f64,
}

const fn place(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Fail => 1,
        Outcome::Info => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn operations_are_counted_in_the_bin_in_which_they_end() {
        let ends = [(Outcome::Ok, 0), (Outcome::Ok, 99_999_999), (Outcome::Fail, 100_000_000)];
        let bins = Bins::count(ends.into_iter(), 10_000_000_000);
        assert_eq!(bins.width, 100_000_000);
        let firsts = |outcome| bins.rates(outcome).take(2).map(|rate| rate.per_second).collect();
        let (ok, fail): (Vec<f64>, Vec<f64>) = (firsts(Outcome::Ok), firsts(Outcome::Fail));
        assert_eq!((ok, fail), (vec![20.0, 0.0], vec![0.0, 10.0]));
        assert!(!bins.has(Outcome::Info));
        assert_eq!(bins.peak(), 20);
    }

    proptest! {
        #[test]
        fn nothing_is_left_out_and_bins_are_neither_few_nor_many(
            end in 1_000_000_u64.., times in prop::collection::vec(any::<u64>(), 0..50)
        ) {
            let ends = times.iter().map(|&time| (Outcome::Ok, time % (end + 1)));
            let bins = Bins::count(ends, end);
            let rates: Vec<_> = bins.rates(Outcome::Ok).collect();
            prop_assert!((60..=150).contains(&rates.len()), "{}", rates.len());
            prop_assert_eq!(rates[rates.len() - 1].to, end);
            let whole: f64 =
                rates.iter().map(|r| r.per_second * (r.to - r.from) as f64 / 1e9).sum();
            prop_assert!((whole - times.len() as f64).abs() < 1e-6);
            prop_assert!(rates.iter().all(|rate| rate.per_second <= bins.peak() as f64 * 1.000_001));
        }
    }
}
