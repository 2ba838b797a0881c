//! The output of a command: results to stdout, the rest to stderr.

use crate::exit::Failure;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};

/// A result for programs, in one line.
pub(crate) fn json(config: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(config).map_err(io::Error::from);
    text.and_then(|text| writeln!(io::stdout(), "{text}")).map_err(Failure::io("stdout"))
}

/// A result for people, as it is.
pub(crate) fn text(text: &impl Display) -> Result<(), Failure> {
    write!(io::stdout(), "{text}").map_err(Failure::io("stdout"))
}

/// A line beside the result.
pub(crate) fn note(text: &str) -> Result<(), Failure> {
    writeln!(io::stderr(), "{text}").map_err(Failure::io("stderr"))
}
