//! The figures that are wanted, and whether a run met them. For information: a busy machine can
//! miss any of them.

use crate::Figures;
use crate::plan::name;
use crate::spread::{Ratio, Spread};

/// One wanted figure beside what was seen.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Target {
    /// What is meant.
    pub what: &'static str,
    /// At least, or at most, this.
    pub wanted: Bound,
    /// What came out, of medians.
    pub seen: f64,
    /// Between what it lay in single rounds, where it is known for each.
    pub range: Option<(f64, f64)>,
    /// Whether it is met.
    pub met: bool,
}

/// Which side of a number is good.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Bound {
    fn met_by(self, seen: f64) -> bool {
        match self {
            Self::AtLeast(least) => seen >= least,
            Self::AtMost(most) => seen <= most,
        }
    }
}

/// Every target whose cases were run.
pub(crate) fn targets(all: &[Figures]) -> Vec<Target> {
    let case = |name: &str| all.iter().find(|figures| figures.name == name);
    let raw_ratio = |name| case(name)?.of_raw_limit;
    let failed = |name| case(name).map(|figures| figures.outcomes.failed() as f64);
    let cost = case(name::CHANGES_512).and_then(|figures| figures.cost);
    let conflicts = case(name::MIXED_64).and_then(|figures| figures.conflicts);
    let targets = [
        of_ratio(
            "64 loops on 64 keys, of the raw accept limit",
            Bound::AtLeast(1.0),
            raw_ratio(name::CHANGES_64),
        ),
        of_ratio(
            "512 loops on 512 keys, of the raw accept limit",
            Bound::AtLeast(1.5),
            raw_ratio(name::CHANGES_512),
        ),
        of_number(
            "CPU per change at 512 on 512, all processes, µs",
            Bound::AtMost(25.0),
            cost.map(|cost| cost.cpu_us),
        ),
        of_ratio(
            "one loop's p50, of the bare fan-out's",
            Bound::AtMost(1.4),
            ratio(case(name::CHANGES_1), case(name::FAN_OUT), |figures| &figures.rounds_p50_us),
        ),
        of_number(
            "calls failed, 2 proposers × 32 loops on one key",
            Bound::AtMost(0.0),
            failed(name::CONTENTION),
        ),
        of_spread(
            "goodput of 2 proposers × 32 loops on one key, 1/s",
            Bound::AtLeast(20_000.0),
            case(name::CONTENTION).map(|figures| figures.per_second),
        ),
        of_ratio(
            "quorum reads, of the rate of changes at 64 on 64",
            Bound::AtLeast(1.5),
            ratio(case(name::READS_64), case(name::CHANGES_64), |f| &f.rounds_per_second),
        ),
        of_number(
            "conflicts of reads with writers",
            Bound::AtMost(0.0),
            conflicts.map(|conflicts| conflicts as f64),
        ),
    ];
    targets.into_iter().flatten().collect()
}

fn ratio(
    upper: Option<&Figures>,
    lower: Option<&Figures>,
    rounds: impl Fn(&Figures) -> &Vec<f64>,
) -> Option<Ratio> {
    Ratio::of(rounds(upper?), rounds(lower?))
}

fn of_ratio(what: &'static str, wanted: Bound, ratio: Option<Ratio>) -> Option<Target> {
    let Ratio { of_medians, low, high } = ratio?;
    let met = wanted.met_by(of_medians);
    Some(Target { what, wanted, seen: of_medians, range: Some((low, high)), met })
}

fn of_spread(what: &'static str, wanted: Bound, spread: Option<Spread>) -> Option<Target> {
    let Spread { median, low, high } = spread?;
    let met = wanted.met_by(median);
    Some(Target { what, wanted, seen: median, range: Some((low, high)), met })
}

fn of_number(what: &'static str, wanted: Bound, seen: Option<f64>) -> Option<Target> {
    let seen = seen?;
    Some(Target { what, wanted, seen, range: None, met: wanted.met_by(seen) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_itself_is_good_enough() {
        assert!(Bound::AtLeast(1.5).met_by(1.5));
        assert!(!Bound::AtLeast(1.5).met_by(1.49));
        assert!(Bound::AtMost(0.0).met_by(0.0));
        assert!(!Bound::AtMost(25.0).met_by(25.1));
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        assert_eq!(targets(&[]), []);
    }
}
