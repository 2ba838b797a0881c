//! Everything that makes up a run.

use crate::generator::Cold;
use crate::names::named;
use crate::{FaultKind, Generator, PlannedFault, Span, Threshold, Workload, minority};
use serde::Serialize;

/// Where a run takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentKind {
    /// The first of the others that can serve on this machine.
    Auto,
    /// Redis in containers on a network of the run's own, behind Toxiproxy.
    Docker,
    /// Local Redis servers on loopback, in directories of their own.
    Process,
    /// Native acceptors inside the harness, over real sockets.
    Embedded,
    /// A cluster that is there already, of services at given addresses.
    External,
}

named!(EnvironmentKind, "environment", {
    Auto => "auto",
    Docker => "docker",
    Process => "process",
    Embedded => "embedded",
    External => "external",
});

/// Where the proposers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposers {
    /// Inside the harness.
    Inside,
    /// Services in processes of their own, which can be killed and paused.
    Process,
    /// Services in containers of their own.
    Container,
}

named!(Proposers, "place of proposers", {
    Inside => "inside",
    Process => "process",
    Container => "container",
});

/// When a Redis server syncs its log to the disk: its `appendfsync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before every answer.
    Always,
    /// Once a second: what is acknowledged can still be lost.
    Everysec,
    /// When the system likes.
    No,
}

named!(Fsync, "appendfsync", { Always => "always", Everysec => "everysec", No => "no" });

/// How many acceptors, or proposers, a fault strikes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Any one.
    One,
    /// As many as a quorum can be without.
    Minority,
    /// So many that no quorum is left.
    Majority,
    /// Everybody.
    All,
    /// The one whose links have carried the most when the fault begins.
    Busiest,
}

named!(Target, "target", {
    One => "one",
    Minority => "minority",
    Majority => "majority",
    All => "all",
    Busiest => "busiest",
});

impl Target {
    /// How many of so many it strikes: at least one.
    #[must_use]
    pub fn size(self, of: usize) -> usize {
        match self {
            Self::One | Self::Busiest => 1,
            Self::Minority => minority(of).max(1),
            Self::Majority => of / 2 + 1,
            Self::All => of,
        }
    }
}

/// A store with one rule of its protocol broken, to show that the harness sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A proposer goes on under the ballot of an accept that did not end in a quorum, unless it saw
    /// a conflict: what the published implementation does.
    ReusedBallot,
    /// A change whose round ended in doubt is applied again without looking whether it has happened.
    DoubtRepeated,
    /// A read without a round answers the highest ballot of a quorum, held by all of it or not.
    ReadNewest,
    /// Of the changes that share a round, all but the last are answered before it ends.
    AnsweredEarly,
    /// A wiped acceptor keeps its place in the cluster, as if nothing had been lost: nobody guards.
    Unguarded,
    /// Not the store but the nemesis is broken: faults of links strike other links than they name.
    Misaimed,
}

// As the gallery of the seeded world has them.
named!(Mutant, "mutant", {
    ReusedBallot => "reused-ballot",
    DoubtRepeated => "doubt-repeated",
    ReadNewest => "read-newest",
    AnsweredEarly => "answered-early",
    Unguarded => "unguarded",
    Misaimed => "misaimed",
});

/// A complete scenario: it reruns a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scenario {
    /// What is done to the store.
    pub workload: Workload,
    /// Where it takes place.
    pub environment: EnvironmentKind,
    /// Where the proposers are.
    pub proposers: Proposers,
    /// The image of the acceptors' containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The image of Toxiproxy's container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toxiproxy_image: Option<String>,
    /// The address of a Toxiproxy that is there already, `http://host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toxiproxy: Option<String>,
    /// The services of an external cluster, `http://host:port` each: a node each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// When the acceptors sync their logs.
    pub fsync: Fsync,
    /// Nodes, each a proposer and its acceptor; 1 to 9.
    pub nodes: u32,
    /// Acceptors of an external cluster, 1 to 9; elsewhere there are as many as nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acceptors: Option<u32>,
    /// How long the load goes on, from 1 s to 24 h.
    pub time: Span,
    /// Client threads, from one per node to 500 in all.
    pub concurrency: u32,
    /// Calls per second of all threads together, up to a million; 0 for as fast as it goes.
    pub rate: f64,
    /// Objects in use at a time, 1 to 10,000.
    pub keys: u32,
    /// Keys that are written at the beginning and read at the end by every node, up to 1000: whether
    /// a change of membership has brought everything along. At least 1 when there is such a fault.
    pub cold: u32,
    /// How often tombstones are collected, 100 ms to 1 h; 0 for never.
    pub collect: Span,
    /// After this long a client gives a call up; 10 ms to 1 min.
    pub deadline: Span,
    /// The kinds of faults that a schedule is drawn from.
    pub faults: Vec<FaultKind>,
    /// From the start of one fault to the start of the next; 500 ms to 1 h.
    pub fault_interval: Span,
    /// How many faults there may be at the same time, 1 to 4.
    pub overlap: u32,
    /// How many a fault of acceptors or proposers strikes at once, one of these each time.
    pub targets: Vec<Target>,
    /// The last part of the load, without faults, in which every node must make progress.
    pub quiet: Span,
    /// Seed of the generators and of the schedule, below 2^63.
    pub seed: u64,
    /// The directory that run directories are made in.
    pub output: String,
    /// Limits.
    pub threshold: Vec<Threshold>,
    /// A broken rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutant: Option<Mutant>,
    /// The faults one by one. Drawn from the seed when a file does not say.
    pub schedule: Vec<PlannedFault>,
}

/// Scenarios that come with the harness: name, one line about it, and the file.
pub const BUILT_IN: &[(&str, &str, &str)] = &[
    (
        "partitions",
        "every partition there is, on the cas-register workload",
        include_str!("../scenarios/partitions.toml"),
    ),
    (
        "lossy-append",
        "lost messages under blind appends: the shortest way to a lost write",
        include_str!("../scenarios/lossy-append.toml"),
    ),
    (
        "isolation",
        "one loop per node and one node cut off at a time, as the published comparison has it",
        include_str!("../scenarios/isolation.toml"),
    ),
    (
        "lost-tail",
        "the end of a log is lost that was not synced: what appendfsync everysec is worth",
        include_str!("../scenarios/lost-tail.toml"),
    ),
];

impl Scenario {
    /// How long the load goes on before the first fault.
    #[must_use]
    pub fn steady(time: Span) -> Span {
        Span::millis((time.as_millis() / 10).min(2000))
    }

    /// How many acceptors there are at first, counted from 1.
    #[must_use]
    pub fn acceptors(&self) -> u32 {
        self.acceptors.unwrap_or(self.nodes)
    }

    /// A fresh generator of the calls.
    #[must_use]
    pub fn generator(&self) -> Box<dyn Generator> {
        let warm = self.workload.generator(self.nodes, self.keys);
        if self.cold == 0 {
            return warm;
        }
        Box::new(Cold::new(warm, self.workload.first_write(), self.cold, self.nodes))
    }

    /// The scenario as a file, complete.
    ///
    /// # Errors
    /// What the serialiser says; a scenario that was settled has nothing it could object to.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let body = toml::to_string(self)?;
        Ok(format!("# A complete scenario: `harness run` on this file runs it again.\n{body}"))
    }
}
