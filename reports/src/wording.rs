//! How numbers and foreign texts are written for people.

use harness_history::{Counterexample, Outcome, Proof};

const NANOSECONDS_PER_SECOND: f64 = 1e9;
const NANOSECONDS_PER_MILLISECOND: f64 = 1e6;

/// What stands where there is no value.
pub(crate) const NOTHING: &str = "–";

/// A count with its thousands set apart: `12,345`.
pub(crate) fn count(count: usize) -> String {
    set_apart(&count.to_string())
}

/// A figure with as many decimals as are worth reading: `0.042`, `3.14`, `58.2`, `1,234`.
pub(crate) fn figure(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 3,
    };
    set_apart(&format!("{value:.decimals$}"))
}

/// A figure that may be missing.
pub(crate) fn figure_or_nothing(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), figure)
}

/// Nanoseconds as seconds, for drawing and for reading.
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / NANOSECONDS_PER_SECOND
}

/// Nanoseconds since the start as milliseconds, to the microsecond: neighbours in a counterexample
/// are close.
pub(crate) fn milliseconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds as f64 / NANOSECONDS_PER_MILLISECOND;
    set_apart(&format!("{milliseconds:.3}"))
}

/// A noun in its number: `1 step`, `2 steps`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// The first `limit` characters, and whether that is not all of them.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// Text for the terminal, a line of it: characters that are not printable are spelt out.
pub(crate) fn printable(text: &str) -> String {
    spelt_out(text, is_printable)
}

/// The same for a text of several lines.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    spelt_out(text, |c| c == '\n' || is_printable(c))
}

/// The same for a page, on which tabs do no harm either.
pub(crate) fn printable_page(text: &str) -> String {
    spelt_out(text, |c| matches!(c, '\n' | '\t') || is_printable(c))
}

/// Whether a character may be shown as it is: neither a control character nor one that turns text around,
/// because values that come from a store must not be able to move the cursor, nor turn a sentence around.
#[must_use]
pub fn is_printable(c: char) -> bool {
    !c.is_control() && !turns_around(c)
}

fn spelt_out(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut spelt = String::with_capacity(text.len());
    for c in text.chars() {
        if stays(c) {
            spelt.push(c);
        } else {
            spelt.extend(c.escape_default());
        }
    }
    spelt
}

/// Whether a character changes the direction of the text after it, or hides: Unicode's bidirectional
/// controls (UAX 9), and characters without a width.
const fn turns_around(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// How an operation ended, in the history's own word.
pub(crate) const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Fail => "fail",
        Outcome::Info => "info",
    }
}

/// What became of the proof of a fault, in words.
pub(crate) const fn proof_name(proof: Proof) -> &'static str {
    match proof {
        Proof::Held => "held",
        Proof::DidNotHold => "did not hold",
        Proof::Lapsed => "lapsed",
        Proof::NotUndone => "not undone",
        Proof::Unfinished => "unfinished",
    }
}

/// What a counterexample is called: by its key, if the history has several.
pub(crate) fn counterexample_title(counterexample: &Counterexample) -> String {
    counterexample
        .key
        .as_ref()
        .map_or_else(|| "Counterexample".to_owned(), |key| format!("Counterexample on key {key}"))
}

/// Puts commas between the thousands of a number that is already written.
pub(crate) fn set_apart(number: &str) -> String {
    let (whole, fraction) = number.split_at(number.find('.').unwrap_or(number.len()));
    let digits = whole.trim_start_matches('-').len();
    let mut written = whole[..whole.len() - digits].to_owned();
    for (place, digit) in whole[whole.len() - digits..].chars().enumerate() {
        if place > 0 && (digits - place) % 3 == 0 {
            written.push(',');
        }
        written.push(digit);
    }
    written + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(figure(-12_345.6), "-12,346");
    }

    #[test]
    fn small_figures_keep_their_decimals() {
        let written = [0.0, 0.0421, 0.5, 3.456, 58.21, 1234.5].map(figure);
        assert_eq!(written, ["0", "0.042", "0.50", "3.46", "58.2", "1,234"]);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shortened("größer", 6), "größer");
        assert_eq!(shortened("größer!", 4), "grö…");
    }

    #[test]
    fn terminal_text_has_no_control_characters() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }
}
