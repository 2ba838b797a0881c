//! A history as text, in one of several formats.

use crate::{Event, History, edn};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// A format to write a history in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notation {
    /// JSON lines, as the harness writes them: the header first, if there is one.
    #[default]
    JsonLines,
    /// EDN, a map a line, as in Jepsen's `history.edn`. It has no header.
    Edn,
    /// One JSON array, as elle-cli reads it. It has no header.
    JsonArray,
}

/// A notation was asked for that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("allowed: jsonl, edn, json")]
pub struct UnknownNotation;

impl FromStr for Notation {
    type Err = UnknownNotation;

    fn from_str(name: &str) -> Result<Self, UnknownNotation> {
        match name {
            "jsonl" => Ok(Self::JsonLines),
            "edn" => Ok(Self::Edn),
            "json" => Ok(Self::JsonArray),
            _ => Err(UnknownNotation),
        }
    }
}

impl fmt::Display for Notation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JsonLines => "jsonl",
            Self::Edn => "edn",
            Self::JsonArray => "json",
        })
    }
}

impl Notation {
    /// Whether it has a place for the header.
    #[must_use]
    pub const fn has_header(self) -> bool {
        matches!(self, Self::JsonLines)
    }

    /// Writes a history.
    ///
    /// # Errors
    /// Those of `into`.
    pub fn write(self, history: &History, mut into: impl Write) -> io::Result<()> {
        match self {
            Self::JsonLines => {
                if let Some(header) = &history.header {
                    serde_json::to_writer(&mut into, header)?;
                    into.write_all(b"\n")?;
                }
                each(&history.events, &mut into, ("\n", "\n"), json)
            }
            Self::Edn => each(&history.events, &mut into, ("\n", "\n"), |event, into| {
                into.write_all(edn::event(event).as_bytes())
            }),
            Self::JsonArray => {
                into.write_all(b"[\n")?;
                each(&history.events, &mut into, (",\n", "\n"), json)?;
                into.write_all(b"]\n")
            }
        }?;
        into.flush()
    }
}

fn json(event: &Event, into: &mut dyn Write) -> io::Result<()> {
    Ok(serde_json::to_writer(into, event)?)
}

/// Writes events, with text between and after them.
fn each(
    events: &[Event],
    into: &mut dyn Write,
    (between, after): (&str, &str),
    write: fn(&Event, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    for (number, event) in events.iter().enumerate() {
        into.write_all(if number == 0 { "" } else { between }.as_bytes())?;
        write(event, into)?;
    }
    into.write_all(if events.is_empty() { "" } else { after }.as_bytes())
}
