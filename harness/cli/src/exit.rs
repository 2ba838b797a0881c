//! Exit codes: a verdict's own, and three that never look like a verdict.

use harness_history::Verdict;
use reports::printable_lines;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// Bad arguments, or a bad file.
const USAGE: u8 = 64;
/// The harness itself failed.
const INTERNAL: u8 = 70;
/// It was interrupted before there was anything to judge: what a shell says of a program that SIGINT has
/// ended.
const INTERRUPTED: u8 = 130;

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
    /// It was told to stop before the load began.
    Interrupted,
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
        Err(Failure::Internal(error)) => {
            (INTERNAL, format!("the harness failed: {}", with_causes(error.as_ref())))
        }
        Err(Failure::Interrupted) => {
            (INTERRUPTED, String::from("interrupted before the load began; nothing was judged"))
        }
    };
    // With stderr gone there is nobody left to tell; the code still says it.
    drop(writeln!(io::stderr(), "harness: {}", printable_lines(&problem)));
    code.into()
}

/// An error with its causes. A cause that the text tells already is not told again.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[derive(Debug, thiserror::Error)]
    enum Problem {
        #[error("{}: {source}", path.display())]
        Told { path: PathBuf, source: io::Error },
        #[error("{0} cannot be read")]
        Untold(&'static str, #[source] io::Error),
        #[error(transparent)]
        Same(#[from] Box<Self>),
    }

    #[test]
    fn no_cause_is_told_twice_and_none_is_left_out() {
        let full = || io::Error::other("the disk is full");
        let told = || Problem::Told { path: PathBuf::from("runs"), source: full() };
        for (problem, text) in [
            (told(), "runs: the disk is full"),
            (Problem::Untold("runs", full()), "runs cannot be read: the disk is full"),
            (Problem::Same(Box::new(told())), "runs: the disk is full"),
        ] {
            assert_eq!(with_causes(&problem), text);
            assert_eq!(with_causes(anyhow::Error::from(problem).as_ref()), text);
        }
        let context = anyhow::Error::from(told()).context("nothing was written");
        assert_eq!(with_causes(context.as_ref()), "nothing was written: runs: the disk is full");
    }
}
