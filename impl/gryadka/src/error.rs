//! Why a change did not commit.

use crate::limits::TooLong;
use caspaxos::Reason;

/// A change that did not commit. The first two must not be taken for one another: after
/// [`ChangeError::NotApplied`] the change may safely be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The register is, and will stay, as if the change had never been asked for.
    #[error("not applied: {}", reason(*.0))]
    NotApplied(Reason),
    /// The change may have happened, or may take effect at any later time.
    #[error("unknown whether applied: {}", reason(*.0))]
    Unknown(Reason),
    /// The key or the value is not taken; nothing has happened.
    #[error("not applied: {0}")]
    TooLong(TooLong),
}

const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Conflict => "another proposer held higher ballots",
        Reason::Unreachable => "too few acceptors answered",
        Reason::Deadline => "the deadline came first",
        Reason::CounterUsedUp => {
            "the counter of this cluster's ballots, or of this key's versions, is used up"
        }
        Reason::LineageForgotten => {
            "it may have been accepted, and so much has happened to the key since that it cannot be looked up"
        }
    }
}
