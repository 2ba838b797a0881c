//! The vocabulary of a run: operations, events, histories, faults, verdicts and counterexamples.
//!
//! Everything that a run leaves on disk is described here, so that the checker and the reports
//! can read a run without knowing the store, the environment or the workload that made it.
//!
//! | question | file |
//! |---|---|
//! | what is one line of a history? | `event.rs` |
//! | what is one client call, start to end? | `operation.rs` |
//! | how is a history written, and what can be wrong with one? | `log.rs` |
//! | how is a history of any format read? | `read.rs`, `source.rs`, `edn.rs` |
//! | what do the fields of an event mean, and in which order are events? | `record.rs`, `order.rs` |
//! | … and written in another? | `write.rs` |
//! | when are values `[key, value]`? | `tuples.rs` |
//! | when are two numbers the same? | `number.rs` |
//! | what did the nemesis do, and was it verified? | `fault.rs` |
//! | what can a run end with? | `verdict.rs` |
//! | how is a violation told to a person? | `counterexample.rs` |

mod counterexample;
mod edn;
mod event;
mod fault;
mod log;
mod number;
mod operation;
mod order;
mod read;
mod record;
mod source;
mod tuples;
mod verdict;
mod write;

pub use counterexample::{Counterexample, Witness};
pub use event::{Event, Function, Kind};
pub use fault::{FaultEvent, FaultPeriod, FaultStage, Proof, periods, read_faults};
pub use log::{Header, History, HistoryError, HistoryWriter, Torn, VERSION};
pub use number::parse_value;
pub use operation::{Operation, Outcome, Point, operations};
pub use read::Reading;
pub use serde_json::Value;
pub use source::LONGEST_EVENT;
pub use tuples::{look_like_tuples, split_tuples};
pub use verdict::Verdict;
pub use write::{Notation, UnknownNotation};
