//! What is read of a request beside its path: the deadline, the query, a JSON body.

use super::problem::Problem;
use axum::http::HeaderMap;
use gryadka::redacted;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long the store may take: a number of milliseconds.
const TIMEOUT: &str = "Gryadka-Timeout-Ms";
/// The longest time that a client may ask for, in milliseconds.
const LONGEST_MS: u64 = 60_000;

/// How long the store may take, counted from when the whole request is there.
pub(crate) fn timeout(headers: &HeaderMap, default: Duration) -> Result<Duration, Problem> {
    let mut values = headers.get_all(TIMEOUT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(default),
        (Some(value), None) => value
            .to_str()
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .filter(|millis| (1..=LONGEST_MS).contains(millis))
            .map(Duration::from_millis)
            .ok_or(WRONG_TIMEOUT),
        (Some(_), Some(_)) => Err(WRONG_TIMEOUT),
    }
}

const WRONG_TIMEOUT: Problem = Problem::BadHeader { name: TIMEOUT, want: "one number, 1 to 60000" };

/// The content of a body in JSON. The error shows no password.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::BadBody(redacted(&error.to_string())))
}

/// How much an increment adds: `by`, or 1.
pub(crate) fn by(query: Option<&str>) -> Result<i64, Problem> {
    let want = "by=N at most once and nothing else, N an integer of 64 bits";
    let wrong = Problem::BadQuery { want };
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(1) };
    let number = query.strip_prefix("by=").ok_or_else(|| wrong.clone())?;
    let number = percent_decode_str(number).decode_utf8().map_err(|_| wrong.clone())?;
    number.parse().map_err(|_| wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_timeout_is_one_number_in_range() {
        for (values, fine) in [
            (&[][..], true),
            (&["1"], true),
            (&["60000"], true),
            (&["0"], false),
            (&["60001"], false),
            (&["+5"], false),
            (&["1.5"], false),
            (&[""], false),
            (&["5", "5"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("gryadka-timeout-ms", HeaderValue::from_static(value));
            }
            assert_eq!(timeout(&headers, Duration::from_secs(1)).is_ok(), fine, "{values:?}");
        }
    }

    #[test]
    fn an_increment_adds_one_by_default() {
        for (query, expected) in [
            (None, Some(1)),
            (Some(""), Some(1)),
            (Some("by=5"), Some(5)),
            (Some("by=-9223372036854775808"), Some(i64::MIN)),
            (Some("by=%2D5"), Some(-5)),
            (Some("by=9223372036854775808"), None),
            (Some("by="), None),
            (Some("by=1&by=2"), None),
            (Some("by=1&x=2"), None),
            (Some("x=2"), None),
        ] {
            assert_eq!(by(query).ok(), expected, "{query:?}");
        }
    }
}
