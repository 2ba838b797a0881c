//! Faults with a beginning and an end.

use serde::{Deserialize, Serialize};
use std::fmt;
use workloads::{FaultKind, Link, OneWay, PlannedFault};

/// One fault of a run. Times are virtual nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it begins.
    pub at: u64,
    /// How long it lasts.
    pub lasts: u64,
    /// What it is.
    pub what: Trouble,
}

/// What a fault does, and to whom. Proposers and acceptors are counted from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Something is wrong with links.
    Links {
        /// Whom it strikes, in words.
        whom: String,
        /// The links.
        links: Vec<Link>,
        /// Which way; both when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        direction: Option<OneWay>,
        /// What is wrong with them.
        effect: Effect,
    },
    /// A proposer dies with all that it knew, and comes back under a fresh id.
    CrashProposer(u32),
    /// A proposer stands still, its timers too.
    PauseProposer(u32),
    /// An acceptor dies and comes back.
    CrashAcceptor {
        /// Which.
        acceptor: u32,
        /// What it remembers.
        memory: Memory,
        /// Requests to it vanish while it is down; otherwise they are refused.
        silent: bool,
    },
    /// An acceptor stands still; requests wait before it.
    PauseAcceptor(u32),
}

/// What is wrong with a link.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Requests are refused, replies break with their connection.
    Cut,
    /// Messages vanish.
    Lose,
    /// Messages are held back until the fault ends.
    Hold,
    /// Messages take longer.
    Slow {
        /// By at least this much.
        by: u64,
        /// And up to this much more.
        jitter: u64,
    },
    /// Messages break with their connection now and then.
    Lossy {
        /// How likely, from 0 to 1.
        probability: f64,
    },
}

/// What an acceptor remembers over a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Memory {
    /// Everything: what `appendfsync always` gives.
    Kept,
    /// All but the last so many nanoseconds: what `appendfsync everysec` gives a lost machine. It
    /// notices, and never votes again.
    TailLost(u64),
    /// Nothing. It notices, and never votes again.
    Wiped,
    /// Nothing, while its server goes on, as after `FLUSHALL`.
    Flushed,
}

impl Trouble {
    /// The kind of fault, as counts and reports name it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Links { effect, .. } => match effect {
                Effect::Cut => "cut",
                Effect::Lose => "silence",
                Effect::Hold => "blackhole",
                Effect::Slow { .. } => "latency",
                Effect::Lossy { .. } => "loss",
            },
            Self::CrashProposer(_) => "crash-proposer",
            Self::PauseProposer(_) => "pause-proposer",
            Self::CrashAcceptor { memory: Memory::Kept, .. } => "kill",
            Self::CrashAcceptor { memory: Memory::TailLost(_), .. } => "lose-tail",
            Self::CrashAcceptor { memory: Memory::Wiped | Memory::Flushed, .. } => "wipe",
            Self::PauseAcceptor(_) => "pause",
        }
    }

    /// Whether it befalls links; such a fault is told message by message in a written-out case.
    #[must_use]
    pub const fn is_of_links(&self) -> bool {
        matches!(self, Self::Links { .. })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Links { whom, direction, effect, .. } => {
                let verb = match effect {
                    Effect::Cut => "cuts",
                    Effect::Lose => "silences",
                    Effect::Hold => "stalls",
                    Effect::Slow { .. } => "slows",
                    Effect::Lossy { .. } => "loses messages on",
                };
                write!(f, "{verb} {whom}")?;
                direction.map_or(Ok(()), |way| write!(f, ", {way} only"))
            }
            Self::CrashProposer(p) => write!(f, "crashes p{p}"),
            Self::PauseProposer(p) => write!(f, "pauses p{p}"),
            Self::CrashAcceptor { acceptor: a, memory, .. } => match memory {
                Memory::Kept => write!(f, "kills a{a}"),
                Memory::TailLost(_) => write!(f, "kills a{a}, and its last moments are lost"),
                Memory::Wiped => write!(f, "kills a{a}, and all that it knew is lost"),
                Memory::Flushed => write!(f, "flushes all that a{a} knew"),
            },
            Self::PauseAcceptor(a) => write!(f, "pauses a{a}"),
        }
    }
}

/// The faults of real environments that the world knows too.
#[cfg(test)]
pub(crate) const KNOWN_TO_THE_WORLD: &[FaultKind] = &[
    FaultKind::Cut,
    FaultKind::Blackhole,
    FaultKind::OneWay,
    FaultKind::Latency,
    FaultKind::Loss,
    FaultKind::Restart,
    FaultKind::Kill,
    FaultKind::Pause,
];

/// The faults of a schedule that real environments know, as faults of the world: one for each acceptor
/// or proposer that is struck. Those that it does not know are left out, and those of whoever is the
/// busiest.
#[must_use]
pub fn played(schedule: &[PlannedFault]) -> Vec<Fault> {
    schedule.iter().flat_map(one_played).collect()
}

fn one_played(planned: &PlannedFault) -> Vec<Fault> {
    let nanos = |span: workloads::Span| span.as_millis().saturating_mul(1_000_000);
    let links = |effect| Trouble::Links {
        whom: planned.whom.clone(),
        links: planned.links.clone(),
        direction: planned.direction,
        effect,
    };
    let acceptors = |trouble: fn(u32) -> Trouble| {
        planned.nodes.iter().map(|acceptor| trouble(*acceptor)).collect::<Vec<_>>()
    };
    let proposers = |trouble: fn(u32) -> Trouble| {
        planned.proposers.iter().map(|proposer| trouble(*proposer)).collect::<Vec<_>>()
    };
    let what = match planned.fault {
        FaultKind::Cut => vec![links(Effect::Cut)],
        FaultKind::Blackhole | FaultKind::OneWay => vec![links(Effect::Hold)],
        FaultKind::Latency => {
            let jitter = nanos(planned.jitter.unwrap_or_default());
            let by = nanos(planned.latency.unwrap_or_default()).saturating_sub(jitter);
            vec![links(Effect::Slow { by, jitter: jitter.saturating_mul(2) })]
        }
        FaultKind::Loss => {
            vec![links(Effect::Lossy { probability: planned.probability.unwrap_or_default() })]
        }
        FaultKind::Restart | FaultKind::Kill => acceptors(|acceptor| Trouble::CrashAcceptor {
            acceptor,
            memory: Memory::Kept,
            silent: false,
        }),
        // An acceptor that executes nothing is to its clients as one that stands still.
        FaultKind::Pause | FaultKind::Stall => acceptors(Trouble::PauseAcceptor),
        FaultKind::ProposerRestart | FaultKind::ProposerKill => proposers(Trouble::CrashProposer),
        FaultKind::ProposerPause => proposers(Trouble::PauseProposer),
        // The world draws changes of membership of its own, and knows nothing of the others.
        FaultKind::Bandwidth
        | FaultKind::Slicing
        | FaultKind::Drop
        | FaultKind::Reset
        | FaultKind::Limit
        | FaultKind::Wipe
        | FaultKind::TailLost
        | FaultKind::Disconnect
        | FaultKind::MemoryFull
        | FaultKind::DiskFull
        | FaultKind::Membership => Vec::new(),
    };
    let fault = |what| Fault { at: nanos(planned.at), lasts: nanos(planned.lasts), what };
    what.into_iter().map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use workloads::{Frame, Span};

    #[test]
    fn every_fault_of_a_real_schedule_has_its_counterpart() {
        let times = (Span::seconds(0), Span::seconds(40));
        let schedule = Frame::simple(KNOWN_TO_THE_WORLD, 3, times, Span::seconds(4)).plan(7);
        let faults = played(&schedule);
        assert_eq!(faults.len(), schedule.len());
        for (fault, planned) in faults.iter().zip(&schedule) {
            assert_eq!(fault.what.is_of_links(), planned.fault.is_of_links());
            assert_eq!(fault.at, planned.at.as_millis() * 1_000_000);
        }
    }
}
