//! Numbers that compare exactly.
//!
//! JSON and EDN write numbers as decimals of any length; in memory there are 64 bits. Two different
//! numbers of a file must not become the same one, and the same number, written in two ways, must
//! not become two. So a decimal is taken if it is a whole number that fits 64 bits, however it is
//! written (`1`, `1.0`, `10e-1`), or if it is the shortest decimal of its double (`0.5`, `1e300`).
//! Everything else is refused.

use serde_json::{Number, Value};
use std::borrow::Cow;

/// A number that 64 bits cannot hold exactly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the number {token} cannot be compared exactly: whole numbers have to be from -2^63 to 2^64 - 1, \
     others at most 17 digits; write it as a string"
)]
pub(crate) struct Inexact {
    /// The number, as it was written.
    pub(crate) token: String,
}

/// The digits of a decimal without zeros at either end, and where its point is: the value is
/// `0.digits × 10^point`. Zero has no digits.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    fn parse(token: &str) -> Option<Self> {
        let (negative, token) = match token.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, token),
        };
        let (mantissa, exponent) = match token.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (token, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        let leading = i64::try_from(digits.len() - significant.len()).ok()?;
        let point = i64::try_from(whole.len()).ok()? - leading + i64::from(exponent);
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, point: 0 });
        }
        Some(Self { negative, digits, point })
    }

    /// The number, if it is whole and fits 64 bits.
    fn whole(&self) -> Option<Number> {
        if self.digits.is_empty() {
            return Some(0.into());
        }
        let length = i64::try_from(self.digits.len()).ok()?;
        if self.point < length || self.point > 20 {
            return None;
        }
        let zeros = usize::try_from(self.point - length).ok()?;
        let size: i128 = format!("{}{}", self.digits, "0".repeat(zeros)).parse().ok()?;
        let value = if self.negative { -size } else { size };
        let signed = || i64::try_from(value).ok().map(Number::from);
        u64::try_from(value).ok().map(Number::from).or_else(signed)
    }
}

/// The number that a decimal stands for; nothing if it is no decimal at all.
///
/// # Errors
/// [`Inexact`].
pub(crate) fn exact(token: &str) -> Result<Option<Number>, Inexact> {
    let Some(decimal) = Decimal::parse(token) else { return Ok(None) };
    if let Some(whole) = decimal.whole() {
        return Ok(Some(whole));
    }
    let double: f64 = token.parse().unwrap_or(f64::INFINITY);
    // Of two shortest decimals that are equally near only the one is taken that is written here.
    let shortest = |number: &Number| Decimal::parse(&number.to_string());
    let number = Number::from_f64(double).filter(|n| shortest(n).as_ref() == Some(&decimal));
    number.map(Some).ok_or_else(|| Inexact { token: token.to_owned() })
}

/// JSON text with every number in the one way of writing it that this module keeps.
///
/// # Errors
/// [`Inexact`]. Text that is no JSON is left as it is: its parser refuses it.
pub(crate) fn canonical(json: &[u8]) -> Result<Cow<'_, [u8]>, Inexact> {
    let mut written: Vec<u8> = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(&byte) = json.get(at) {
        if byte == b'"' {
            at = string_end(json, at);
        } else if byte == b'-' || byte.is_ascii_digit() {
            let rest = &json[at..];
            let of_number = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
            let length = rest.iter().position(|b| !of_number(b)).unwrap_or(rest.len());
            if let Some(other) = rewritten(&rest[..length])? {
                written.extend_from_slice(&json[copied..at]);
                written.extend_from_slice(other.as_bytes());
                copied = at + length;
            }
            at += length;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(json));
    }
    written.extend_from_slice(&json[copied..]);
    Ok(Cow::Owned(written))
}

/// The position after a string that begins at one.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// How a number is to be written, if otherwise than it is.
fn rewritten(token: &[u8]) -> Result<Option<String>, Inexact> {
    let digits = token.strip_prefix(b"-").unwrap_or(token);
    let plain = digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit) && token != b"-0";
    let Ok(text) = std::str::from_utf8(token) else { return Ok(None) };
    // JSON knows no leading zeros; its parser will say so.
    if plain || (digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit()) {
        return Ok(None);
    }
    let kept = exact(text)?.map(|number| number.to_string());
    Ok(kept.filter(|kept| kept != text && !ill_formed(text)))
}

/// JSON wants a digit on both sides of a point.
fn ill_formed(token: &str) -> bool {
    token.split_once('.').is_some_and(|(_, after)| !after.starts_with(|c: char| c.is_ascii_digit()))
}

/// Reads one JSON value, its numbers exactly.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_value(json: &str) -> Result<Value, String> {
    let exact = canonical(json.as_bytes()).map_err(|error| error.to_string())?;
    serde_json::from_slice(&exact).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> String {
        match parse_value(json) {
            Ok(value) => value.to_string(),
            Err(error) => error,
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for (written, kept) in [
            ("1", "1"),
            ("1.0", "1"),
            ("1.000", "1"),
            ("10e-1", "1"),
            ("0.1e1", "1"),
            ("1E0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e9", "0"),
            ("0.50", "0.5"),
            ("5e-1", "0.5"),
            ("-1.50", "-1.5"),
            ("1e3", "1000"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551615.0", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("9007199254740993.0", "9007199254740993"),
            ("1e300", "1e+300"),
            ("100000000000000000000", "1e+20"),
            ("97458654100031.12", "97458654100031.12"),
            ("[1.0, {\"a\": -0, \"1.0\": \"-0\"}]", r#"[1,{"1.0":"-0","a":0}]"#),
        ] {
            assert_eq!(read(written), kept, "{written}");
        }
    }

    #[test]
    fn what_64_bits_cannot_hold_is_refused() {
        for token in [
            "18446744073709551616",
            "18446744073709551617",
            "-9223372036854775809",
            "0.1000000000000000055511151231257827",
            "1e400",
            "1e-400",
            "123456789012345678901234567890",
            "3.141592653589793238",
            "18446744073709551615.5",
            "0.30000000000000000001",
            // As near to its double as 97458654100031.12, which is the one that is taken.
            "97458654100031.13",
        ] {
            let said = read(&format!("[{token}]"));
            assert!(said.starts_with(&format!("the number {token} cannot be")), "{token}: {said}");
        }
    }

    #[test]
    fn what_is_no_number_is_left_to_the_parser() {
        for text in ["01", "1.", "-", "1.2.3", "1e", "--1", "1-2", "0x10", "[1,]"] {
            assert!(parse_value(text).is_err(), "{text}");
            assert!(!read(text).contains("exactly"), "{text}: {}", read(text));
        }
    }

    proptest! {
        #[test]
        fn every_integer_and_every_double_of_its_own_writing_is_kept(
            signed in any::<i64>(), unsigned in any::<u64>(), double in any::<f64>(),
        ) {
            prop_assert_eq!(parse_value(&signed.to_string()), Ok(signed.into()));
            prop_assert_eq!(parse_value(&unsigned.to_string()), Ok(unsigned.into()));
            let written = Value::from(double);
            prop_assume!(!written.is_null());
            let kept = parse_value(&written.to_string()).unwrap();
            prop_assert_eq!(kept.as_f64(), Some(double));
        }

        #[test]
        fn two_numbers_are_equal_exactly_if_their_decimals_are(
            digits in 1_u64..1000, other in 1_u64..1000, places in 0_usize..4, more in 0_usize..3,
        ) {
            let written = |digits: u64, zeros: usize| {
                let text = format!("{digits:0>5}{}", "0".repeat(zeros));
                let point = 5 - places;
                let whole: u64 = text[..point].parse().unwrap();
                format!("{whole}.{}0", &text[point..])
            };
            let (a, b) = (parse_value(&written(digits, 0)), parse_value(&written(other, more)));
            prop_assert_eq!(a == b, digits == other);
        }
    }
}
