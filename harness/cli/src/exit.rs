//! Exit codes: a verdict's own, and two that never look like a verdict.

use harness_history::Verdict;
use reports::printable_lines;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// Bad arguments, or a bad file.
const USAGE: u8 = 64;
/// The harness itself failed.
const INTERNAL: u8 = 70;

/// What a command came to.
#[derive(Debug)]
pub(crate) enum End {
    /// It did what it was asked, and there was nothing to judge.
    Done,
    /// A verdict.
    Judged(Verdict),
    /// A program that the harness carries in itself ended with this code.
    Ended(ExitCode),
}

/// Why there is neither.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user can mend it: what is wrong, where, and what would be right.
    Usage(String),
    /// The harness or its environment failed.
    Internal(anyhow::Error),
}

impl Failure {
    /// The user can mend it.
    pub(crate) fn usage(problem: impl fmt::Display) -> Self {
        Self::Usage(problem.to_string())
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

/// Says what went wrong, if anything did, and gives the exit code.
pub(crate) fn code(result: Result<End, Failure>) -> ExitCode {
    let (code, problem) = match result {
        Ok(End::Done) => return ExitCode::SUCCESS,
        Ok(End::Ended(code)) => return code,
        Ok(End::Judged(verdict)) => return verdict.exit_code().into(),
        Err(Failure::Usage(problem)) => (USAGE, problem),
        Err(Failure::Internal(error)) => (INTERNAL, format!("the harness failed: {error:#}")),
    };
    // With stderr gone there is nobody left to tell; the code still says it.
    drop(writeln!(io::stderr(), "harness: {}", printable_lines(&problem)));
    code.into()
}
