//! The vocabulary of a run: operations, events, histories, faults, verdicts and counterexamples.
//!
//! Everything that a run leaves on disk is described here, so that the checker and the reports
//! can read a run without knowing the store, the environment or the workload that made it.
//!
//! | question | file |
//! |---|---|
//! | what is one line of a history? | `event.rs` |
//! | what is one client call, start to end? | `operation.rs` |
//! | how is a history written and read back? | `log.rs` |
//! | what did the nemesis do, and did it bite? | `fault.rs` |
//! | what can a run end with? | `verdict.rs` |
//! | how is a violation told to a person? | `counterexample.rs` |

mod counterexample;
mod event;
mod fault;
mod log;
mod operation;
mod verdict;

pub use counterexample::{Counterexample, Witness};
pub use event::{Event, Function, Kind};
pub use fault::{FaultEvent, FaultPeriod, FaultStage, Proof, periods, read_faults};
pub use log::{Header, History, HistoryError, HistoryWriter, Torn, VERSION};
pub use operation::{Operation, Outcome, Point, operations};
pub use serde_json::Value;
pub use verdict::Verdict;
