//! Exit codes: what scripts can rely on.

use crate::service::StartError;
use gryadka::{ChangeError, ConnectError};
use std::io::{self, Write};
use std::process::ExitCode;

/// What a command came to, when nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It did what it was asked: 0.
    Done,
    /// The key has no value, or another one than was expected: 1.
    Mismatch,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The user can mend it: 64.
    #[error("{0}")]
    Usage(String),
    /// The change may have happened: 2; or has not: 3.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The cluster cannot be used: 64, because what was typed is wrong.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The service cannot start: 64.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A file or stream cannot be read or written: 70.
    #[error("{what}: {source}")]
    Io {
        /// Which one, and what was to be done with it.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// A part of the tool is not there yet: 70.
    #[error("gryadka {0} is not connected to the store yet")]
    NotConnected(&'static str),
}

impl Failure {
    /// A file or stream cannot be read or written.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// The code that says how it ended.
pub(crate) const fn code(result: &Result<End, Failure>) -> u8 {
    match result {
        Ok(End::Done) => 0,
        Ok(End::Mismatch) => 1,
        Err(Failure::Change(ChangeError::Unknown(_))) => 2,
        Err(Failure::Change(ChangeError::NotApplied(_))) => 3,
        Err(Failure::Usage(_) | Failure::Connect(_) | Failure::Start(_)) => USAGE,
        Err(Failure::Io { .. } | Failure::NotConnected(_)) => 70,
    }
}

/// Says what went wrong, if anything did, and gives the code.
pub(crate) fn tell(result: &Result<End, Failure>) -> ExitCode {
    if let Err(failure) = result {
        // With stderr gone there is nobody left to tell; the code still says it.
        drop(writeln!(io::stderr(), "gryadka: {failure}"));
    }
    code(result).into()
}

/// Bad arguments.
pub(crate) const USAGE: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use gryadka::Why;

    #[test]
    fn unknown_and_not_applied_are_told_apart() {
        let change = |error: ChangeError| code(&Err(error.into()));
        assert_eq!(change(ChangeError::Unknown(Why::Deadline)), 2);
        assert_eq!(change(ChangeError::NotApplied(Why::Deadline)), 3);
    }
}
