//! What a run does to a store: generators, the calls that clients make, scenarios and schedules.
//!
//! Everything here is pure: a seed and a scenario in, calls and timed faults out.
//!
//! | question | file |
//! |---|---|
//! | what does a client ask, and what is it told? | `client.rs` |
//! | which workloads are there, and what is each checked against? | `workload.rs` |
//! | which calls does a workload make? | `generator/` |
//! | which faults are there? | `fault.rs` |
//! | which links does a partition cut? | `grudge.rs` |
//! | which faults go by one name together? | `package.rs` |
//! | what is a fault of a schedule made of? | `schedule.rs` |
//! | when does which fault strike whom, as the seed has it? | `plan.rs` |
//! | which faults may there be at the same time? | `reach.rs` |
//! | which acceptors join and leave? | `change.rs` |
//! | what makes up a run, and how is it read from a file? | `scenario.rs`, `draft.rs` |
//! | which limits can a user set? | `threshold.rs` |
//! | how is a length of time written? | `span.rs` |

mod change;
mod client;
mod draft;
mod fault;
mod generator;
mod grudge;
mod names;
mod package;
mod plan;
mod reach;
mod scenario;
mod schedule;
mod span;
mod threshold;
mod workload;

pub use change::{Loss, PlannedChange};
pub use client::{Answer, Call, Client};
pub use draft::{Draft, ScenarioError};
pub use fault::{Befalls, FaultKind, OneWay};
pub use generator::{Generator, is_cold};
pub use grudge::{Link, Shape};
pub use names::{UnknownName, nearest};
pub use package::{FaultChoice, Package};
pub use plan::Frame;
pub use reach::{keeps_a_quorum, minority};
pub use scenario::{BUILT_IN, EnvironmentKind, Fsync, Mutant, Proposers, Scenario, Target};
pub use schedule::PlannedFault;
pub use span::Span;
pub use threshold::{Metric, Threshold};
pub use workload::Workload;
