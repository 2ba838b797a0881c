//! Lengths of time as users write them: `30s`, `2m`, `1m30s`, `250ms`, and `30` for seconds.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time, written with its unit and kept to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(Duration);

impl Span {
    /// So many milliseconds.
    #[must_use]
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// As whole milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no length of time; write for example 30s, 2m, 1m30s or 250ms")]
pub struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || SpanError(text.to_owned());
        let mut total = Duration::ZERO;
        let mut rest = text.trim();
        if let Ok(seconds) = rest.parse::<u32>() {
            return Ok(Self::seconds(seconds.into()));
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
            let number: f64 = rest[..digits].parse().map_err(|_| error())?;
            let letters = rest[digits..].find(|c: char| !c.is_ascii_alphabetic());
            let unit = &rest[digits..letters.map_or(rest.len(), |letters| digits + letters)];
            let seconds = match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(error()),
            };
            let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| error())?;
            total = total.checked_add(part).ok_or_else(error)?;
            rest = &rest[digits + unit.len()..];
        }
        if text.trim().is_empty() {
            return Err(error());
        }
        Ok(Self::millis(u64::try_from(total.as_millis()).map_err(|_| error())?))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, millis) = (self.as_millis() / 60_000, self.as_millis() % 60_000);
        match (minutes, millis / 1000, millis % 1000) {
            (0, 0, millis) => write!(f, "{millis}ms"),
            (0, seconds, 0) => write!(f, "{seconds}s"),
            (minutes, 0, 0) => write!(f, "{minutes}m"),
            (minutes, seconds, 0) => write!(f, "{minutes}m{seconds}s"),
            (0, seconds, millis) => write!(f, "{seconds}s{millis}ms"),
            (minutes, seconds, millis) => write!(f, "{minutes}m{seconds}s{millis}ms"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a length of time such as \"30s\" or \"250ms\"")]
        enum Written {
            Text(String),
            Seconds(u32),
        }
        match Written::deserialize(deserializer)? {
            Written::Text(text) => text.parse().map_err(de::Error::custom),
            Written::Seconds(seconds) => Ok(Self::seconds(seconds.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_add_up_and_a_bare_number_is_seconds() {
        assert_eq!("30".parse(), Ok(Span::seconds(30)));
        assert_eq!("1m30s".parse(), Ok(Span::seconds(90)));
        assert_eq!("0.25s".parse(), Ok(Span::millis(250)));
        for wrong in ["", "1m30", "s", "3 days", "-1s", "1e9h9", "9999999999999h"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same(millis in 0_u64..100_000_000) {
            let span = Span::millis(millis);
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
