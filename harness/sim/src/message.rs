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

impl OpId {
    /// Not a client: the collector of tombstones.
    pub(crate) const COLLECTOR: u32 = 1000;
    /// Not a client: the first proposer when it asks for the configuration; the others follow.
    pub(crate) const LEARNER: u32 = 1002;

    /// Not a client: the procedure of the first proposer; those of the others follow.
    pub(crate) const PROCEDURE: u32 = 2000;

    /// An errand of the procedure of this proposer.
    pub(crate) const fn of_procedure(proposer: u32, number: u32) -> Self {
        Self { client: Self::PROCEDURE + proposer - 1, number }
    }

    /// The proposer whose procedure it is an errand of, and the errand's number.
    pub(crate) fn procedure(self) -> Option<(u32, u32)> {
        Some((self.client.checked_sub(Self::PROCEDURE)? + 1, self.number))
    }

    /// Whether a client asked for it, and not one of the processes in the background.
    #[must_use]
    pub const fn is_of_client(self) -> bool {
        self.client < Self::COLLECTOR
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, number } = self;
        match *client {
            Self::COLLECTOR => write!(f, "collection#{number}"),
            procedure if procedure >= Self::PROCEDURE => {
                write!(f, "procedure of p{}#{number}", procedure - Self::PROCEDURE + 1)
            }
            learner if learner >= Self::LEARNER => {
                write!(f, "p{} asks#{number}", learner - Self::LEARNER + 1)
            }
            client => write!(f, "c{client}#{number}"),
        }
    }
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// A prepare, or a promise or conflict.
    Prepare,
    /// An accept, or what answers it.
    Accept,
    /// A read without a round, or what answers it.
    Read,
    /// The collection of a tombstone, or what answers it.
    Collect,
    /// Something about the acceptor's place in the cluster, or what answers it.
    Control,
}

impl From<Stage> for Phase {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Prepare => Self::Prepare,
            Stage::Accept => Self::Accept,
            Stage::Read => Self::Read,
            Stage::Collect => Self::Collect,
        }
    }
}

impl Phase {
    /// The phase in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Accept => "accept",
            Self::Read => "read",
            Self::Collect => "collect",
            Self::Control => "control",
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
    /// What it is about.
    pub phase: Phase,
    /// The number of the acceptor at its one end, counted from 1.
    pub acceptor: u32,
    /// Which way it goes.
    pub way: Way,
    /// 0 for the message itself; a repeated request, and what answers it, is copy 1.
    pub copy: u32,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, way) = match self.way {
            Way::Request => ("", "to"),
            Way::Reply => ("answer to ", "from"),
        };
        let phase = self.phase.name();
        let (op, attempt, acceptor) = (self.op, self.attempt + 1, self.acceptor);
        write!(f, "{op} round {attempt}: {what}{phase} {way} a{acceptor}")?;
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
