//! What a run can end with.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The answer of a run. A harness that failed itself has no verdict: it exits with 64 or 70.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Decided, no violation, and the run truly exercised the system.
    Valid,
    /// A violation. Wins over all others.
    Invalid,
    /// The checker's budget of time or memory ran out; the history is on disk.
    Unknown,
    /// Too little happened for a green answer to mean anything.
    Inconclusive,
    /// Valid, but a limit that the user set was passed.
    Threshold,
}

impl Verdict {
    /// The process exit code that says it.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Unknown => 2,
            Self::Inconclusive => 3,
            Self::Threshold => 4,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
            Self::Inconclusive => "inconclusive",
            Self::Threshold => "threshold",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
