//! The seeded world: the very protocol code of `caspaxos`, on a virtual network and clock.
//!
//! One thread, one event queue, one seed. A run is judged by the same checker as a real one, can be
//! repeated to the last byte, and can be shrunk to a case that a person can follow.
//!
//! ```text
//! seed + scenario ─ run ─> SimRun ─ judge ─> valid
//!                            │           └─> violation ─ shrink ─> Case, and its SimRun
//!                            └ history, trace, ballots, counts, coverage
//! ```
//!
//! | question | file |
//! |---|---|
//! | how is a run of real servers played here? | `real_run.rs` |
//! | how are a world's faults done to real servers? | `real_schedule.rs` |
//! | which scenarios are there? | `scenario.rs`, `scenarios/*.toml` |
//! | what makes up a world? | `setup.rs`; what a seed draws: `swarm.rs` |
//! | what can go wrong, and what can befall a message? | `fault.rs`, `message.rs` |
//! | how are configurations written down? | `document.rs` |
//! | how does a world run? | `world.rs`, `world/`, `queue.rs` |
//! | which calls are made, and what do they do to a register? | `script.rs`, `change.rs`, `versioned_loop.rs` |
//! | what befalls each message? | `fates.rs` |
//! | what does a run leave behind? | `run.rs`, `record.rs`, `situation.rs` |
//! | is it linearizable? | `judge.rs` |
//! | how is a failing run made small? | `case.rs`, `shrink.rs`, `ddmin.rs` |
//! | which faults must the harness see? | `mutants/`, `gallery.rs` |

mod case;
mod change;
mod ddmin;
mod document;
mod fates;
mod fault;
mod gallery;
mod judge;
mod message;
mod mutants;
mod promises;
mod queue;
mod real_run;
mod real_schedule;
mod record;
mod run;
mod scenario;
mod script;
mod setup;
mod shrink;
mod situation;
mod swarm;
mod versioned_loop;
mod world;

pub use case::{Case, CaseError, Disturbance, PlannedCall};
pub use document::{Voters, Votes};
pub use fault::{Effect, Fault, Memory, Trouble, played};
pub use gallery::{Campaign, Exhibit, campaign, exhibit};
pub use judge::{JudgeError, judge, verdict};
pub use message::{CALM, Fate, MessageId, OpId, Phase, Way};
pub use mutants::Mutant;
pub use real_schedule::{RealSchedule, real_schedule};
pub use record::{BallotChange, Counts, Detail};
pub use run::{SimRun, run, run_case, run_setup};
pub use scenario::{BUILT_IN, Expected, SWARM, ScenarioError, SimScenario};
pub use setup::{Calls, Load, Membership, Network, Setup, SetupError, Toggle};
pub use shrink::{Shrunk, shrink};
pub use situation::{Coverage, Situation};
pub use swarm::swarm;
