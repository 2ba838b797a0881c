//! Limits that a user sets: `p99<200ms`, `gap<2s`, `rate>100`.

use crate::Span;
use crate::names::named;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Median latency of the calls that happened.
    P50,
    /// 99th percentile of the same.
    P99,
    /// Longest of the same.
    Max,
    /// Longest time that any one node was without a call that happened.
    Gap,
    /// Calls that happened per second.
    Rate,
}

named!(Metric, "measure", { P50 => "p50", P99 => "p99", Max => "max", Gap => "gap", Rate => "rate" });

/// One limit. Times are limited from above, the rate from below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// A time must stay below this.
    Below(Metric, Span),
    /// Calls that happened per second must be above this.
    RateAbove(f64),
}

/// Why a text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no limit{reason}; write for example p99<200ms, gap<2s or rate>100 (p50, p99, max, gap below a time; rate above calls per second)"
)]
pub struct ThresholdError {
    text: String,
    reason: String,
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason: &dyn fmt::Display| ThresholdError {
            text: text.to_owned(),
            reason: format!(": {reason}"),
        };
        let plain = || ThresholdError { text: text.to_owned(), reason: String::new() };
        let at = text.find(['<', '>']).ok_or_else(plain)?;
        let metric: Metric = text[..at].trim().parse().map_err(|e| error(&e))?;
        let limit = text[at + 1..].trim();
        match (metric, &text[at..=at]) {
            (Metric::Rate, ">") => {
                let rate: f64 = limit.parse().map_err(|e| error(&e))?;
                if !rate.is_finite() || rate < 0.0 {
                    return Err(plain());
                }
                Ok(Self::RateAbove(rate))
            }
            (Metric::P50 | Metric::P99 | Metric::Max | Metric::Gap, "<") => {
                limit.parse().map(|span| Self::Below(metric, span)).map_err(|e| error(&e))
            }
            _ => Err(plain()),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(metric, span) => write!(f, "{metric}<{span}"),
            Self::RateAbove(rate) => write!(f, "rate>{rate}"),
        }
    }
}

impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_back_as_they_are_written() {
        for text in ["p99<200ms", "gap<1m30s", "rate>12.5"] {
            assert_eq!(text.parse::<Threshold>().unwrap().to_string(), text);
        }
        for wrong in ["p99", "p99>1s", "rate<5", "rate>-1", "p98<1s", "max<x"] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
    }
}
