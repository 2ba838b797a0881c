//! What names a message in every rerun, and what can befall it.

use caspaxos::Stage;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one client operation, whatever else is left out of a rerun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpId {
    /// The client, counted from 0.
    pub client: u32,
    /// How many operations this client had begun before.
    pub number: u32,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}#{}", self.client, self.number)
    }
}

/// Which half of a round a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// A prepare, or a promise or conflict.
    Prepare,
    /// An accept, or what answers it.
    Accept,
}

impl From<Stage> for Phase {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Prepare => Self::Prepare,
            Stage::Accept | Stage::Read | Stage::Install | Stage::Collect => Self::Accept,
        }
    }
}

impl From<Phase> for Stage {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Prepare => Self::Prepare,
            Phase::Accept => Self::Accept,
        }
    }
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From proposer to acceptor.
    Request,
    /// From acceptor to proposer.
    Reply,
}

/// Names one message of a run. It stays the same when other operations are left out, so that a
/// case can say what befell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId {
    /// The client operation that it is sent for.
    pub op: OpId,
    /// Which round of that operation, from 0.
    pub attempt: u32,
    /// Which half of the round.
    pub phase: Phase,
    /// The acceptor at its one end, counted from 1.
    pub acceptor: u32,
    /// Which way it goes.
    pub way: Way,
    /// 0 for the message itself; a repeated request, and what answers it, is copy 1.
    pub copy: u32,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (phase, way) = match (self.phase, self.way) {
            (Phase::Prepare, Way::Request) => ("prepare", "to"),
            (Phase::Accept, Way::Request) => ("accept", "to"),
            (Phase::Prepare, Way::Reply) => ("answer to prepare", "from"),
            (Phase::Accept, Way::Reply) => ("answer to accept", "from"),
        };
        let (op, attempt, acceptor) = (self.op, self.attempt + 1, self.acceptor);
        write!(f, "{op} round {attempt}: {phase} {way} a{acceptor}")?;
        if self.copy > 0 { f.write_str(" (repeated)") } else { Ok(()) }
    }
}

/// What befalls a message. Times are nanoseconds from its sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It arrives once.
    Arrives {
        /// When.
        after: u64,
    },
    /// It arrives twice.
    Twice {
        /// When first.
        after: u64,
        /// When again.
        again: u64,
    },
    /// It never arrives, and nobody is told.
    Lost,
    /// It never arrives, and the proposer is told so: for requests only.
    Refused {
        /// When the proposer is told.
        told: u64,
    },
    /// The proposer is told that the connection broke, and cannot know how far the message came.
    Broken {
        /// When the proposer is told.
        told: u64,
        /// When the request arrives all the same, if it does. A reply never does.
        arrives: Option<u64>,
    },
}

/// How long a message takes that nothing befalls: one virtual millisecond.
pub const CALM: u64 = 1_000_000;

impl Fate {
    /// What befalls a message of which a case says nothing.
    pub const CALM: Self = Self::Arrives { after: CALM };
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrives { after } => write!(f, "arrives after {}", Millis(*after)),
            Self::Twice { after, again } => {
                write!(f, "arrives after {} and again after {}", Millis(*after), Millis(*again))
            }
            Self::Lost => f.write_str("is lost"),
            Self::Refused { .. } => f.write_str("is refused before it left"),
            Self::Broken { arrives: None, .. } => f.write_str("is lost with its connection"),
            Self::Broken { told, arrives: Some(arrives) } => write!(
                f,
                "arrives after {}, and the connection breaks after {}",
                Millis(*arrives),
                Millis(*told)
            ),
        }
    }
}

/// Nanoseconds, shown as milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Millis(pub(crate) u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} ms", self.0 / 1_000_000, self.0 / 1000 % 1000)
    }
}
