//! Exit codes: what scripts can rely on.

use crate::administration::{Blame, TaskError};
use crate::service::StartError;
use gryadka::{ChangeError, ConnectError, ReleaseError, redacted};
use gryadka_bench::BenchError;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    /// It did what it was asked: 0.
    Done,
    /// The key has no value, or another one than was expected: 1.
    Mismatch,
    /// The doctor has warnings, under `--strict`: 1.
    Warned,
    /// The doctor has found a danger: 2.
    InDanger,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An argument is wrong: 64.
    #[error("{0}")]
    Usage(String),
    /// The change may have happened: 2; or has not: 3.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The cluster cannot be used: 3 where no acceptor can be reached, 64 where an argument is wrong.
    #[error("{}", redacted(&.0.to_string()))]
    Connect(#[from] ConnectError),
    /// A server was not freed: 64 where an argument is wrong, else 3.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The cluster was not changed, or not to the end: 64, 3 or 2.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A measurement failed: 64 where an argument is wrong, else 70.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The service cannot start: 64.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A service is not ready, or does not answer: 3.
    #[error("the service at {address} is not ready: {reason}")]
    NotReady {
        /// Where it should be.
        address: String,
        /// What it says, or what happened instead.
        reason: String,
    },
    /// A file or stream cannot be read or written: 70.
    #[error("{what}: {source}")]
    Io {
        /// Which one, and what failed.
        what: String,
        /// What the system says.
        source: io::Error,
    },
}

impl Failure {
    /// A file or stream cannot be read or written.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// The code that says how it ended.
pub(crate) fn code(result: &Result<CommandOutcome, Failure>) -> u8 {
    match result {
        Ok(CommandOutcome::Done) => 0,
        Ok(CommandOutcome::Mismatch | CommandOutcome::Warned) => 1,
        Ok(CommandOutcome::InDanger) => 2,
        Err(Failure::Change(ChangeError::Unknown(_))) => 2,
        Err(Failure::Change(ChangeError::NotApplied(_))) => 3,
        Err(Failure::Connect(ConnectError::NoCluster(_) | ConnectError::Bootstrap(_))) => 3,
        Err(Failure::NotReady { .. }) => 3,
        Err(Failure::Release(
            ReleaseError::Server { .. }
            | ReleaseError::Member { .. }
            | ReleaseError::ClusterUnknown { .. },
        )) => 3,
        Err(Failure::Task(error)) => task_code(error),
        Err(
            Failure::Change(ChangeError::TooLong(_))
            | Failure::Usage(_)
            | Failure::Release(ReleaseError::Address(_))
            | Failure::Connect(_)
            | Failure::Start(_)
            | Failure::Bench(BenchError::Option { .. } | BenchError::Address { .. }),
        ) => USAGE,
        Err(Failure::Io { .. } | Failure::Bench(_)) => 70,
    }
}

/// A change that its deadline ended may have been done in part.
fn task_code(error: &TaskError) -> u8 {
    match error.kind() {
        ("deadline", _) => 2,
        (_, Blame::Request) => USAGE,
        (_, Blame::State | Blame::Reach) => 3,
    }
}

/// Prints the error, if there was one, and answers the exit code.
pub(crate) fn report(result: &Result<CommandOutcome, Failure>) -> ExitCode {
    if let Err(failure) = result {
        // If stderr is closed, only the exit code reports it.
        drop(writeln!(io::stderr(), "gryadka: {failure}"));
    }
    code(result).into()
}

/// Bad arguments.
pub(crate) const USAGE: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use gryadka::Reason;

    #[test]
    fn unknown_and_not_applied_have_different_codes() {
        let change = |error: ChangeError| code(&Err(error.into()));
        assert_eq!(change(ChangeError::Unknown(Reason::Deadline)), 2);
        assert_eq!(change(ChangeError::NotApplied(Reason::Deadline)), 3);
    }
}
