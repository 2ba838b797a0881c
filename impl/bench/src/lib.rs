//! `gryadka bench`: what the store does in a second, beside what its servers could do.
//!
//! ```text
//!  Options ─► Plan: cases × rounds ─► slice by slice, in turn ─► Slice ─► figures ─► Report
//!                                       │
//!               bare sockets (pipeline, fan-out) or loops over the store
//!                                       ▼
//!                              the same Redis servers
//! ```
//!
//! Every case runs for a short slice in every round, so that other load on the machine
//! affects all cases alike. Absolute figures say as much about the machine as about the store; the ratios
//! between cases of one run are what to compare.
//!
//! | question | file |
//! |---|---|
//! | what can be asked for? | `options.rs` |
//! | which cases are run, in which order? | `plan.rs` |
//! | where do the servers come from? | `servers.rs` |
//! | what does a slice cost, in all processes? | `meter.rs` |
//! | how is the store called, and in which bytes? | `subject.rs` |
//! | how does a loop make its calls? | `closed_loop.rs`, `open_loop.rs`, `workload.rs` |
//! | what is the limit without a store? | `pipeline.rs`, `fan_out.rs`, over `bare_connection.rs`, `tape.rs` |
//! | how does a run go, and how do its cases take turns? | `run.rs`, `bench.rs` |
//! | how do slices become figures? | `slice.rs`, `spread.rs`, `figures.rs` |
//! | which figures are wanted? | `target.rs` |
//! | is memory flat? | `soak.rs` |
//! | what does the user see? | `report.rs`, `render.rs` |
//! | what can go wrong? | `error.rs` |

mod bare_connection;
mod bench;
mod closed_loop;
mod error;
mod fan_out;
mod figures;
mod meter;
mod open_loop;
mod options;
mod pipeline;
mod plan;
mod render;
mod report;
mod resp;
mod run;
mod servers;
mod slice;
mod soak;
mod spread;
mod subject;
mod tape;
mod target;
mod workload;

pub use error::BenchError;
pub use figures::{Cost, Figures, Latency};
pub use options::{Fsync, Options, Profile};
pub use report::{Report, Setup};
pub use run::run;
pub use slice::{Outcome, Outcomes};
pub use soak::{Sample, Soak, Trend};
pub use spread::{Ratio, Spread};
pub use target::{Bound, Target};
