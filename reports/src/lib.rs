//! From a run directory to one self-contained HTML page.
//!
//! Nothing here knows the store, the environment or the workload: a run is its `results.json`, its
//! history and its operations. The page needs no network, and is readable without JavaScript.
//!
//! | question | file |
//! |---|---|
//! | what did a run come to, for programs? | `results.rs` |
//! | what happened in a small failing run, step by step? | `lanes.rs` |
//! | how long did calls take, and when did none succeed? | `measure.rs` |
//! | what does the terminal say? | `summary.rs` |
//! | what does the build server read? | `junit.rs` |
//! | what does the page say, in which order? | `page.rs`, `page/*.rs` |
//! | what do its charts draw, and from which operations? | `chart.rs`, `chart/*.rs` |
//! | how are numbers and foreign texts written? | `wording.rs` |
//! | what can go wrong? | `error.rs` |

mod chart;
mod error;
mod junit;
mod lanes;
mod measure;
mod page;
mod results;
#[cfg(test)]
mod specimen;
mod summary;
mod wording;

pub use error::ReportError;
pub use junit::junit;
pub use lanes::{AcceptorLane, BallotStep, LaneMessage, LaneNote, LaneOperation, Lanes};
pub use measure::measures;
pub use page::{render, write_report};
pub use results::{
    CheckSummary, Condition, CoveredCell, CoveredPhase, Measures, Metadata, RESULTS_VERSION,
    Results,
};
pub use summary::summary;
pub use wording::{is_printable, printable_lines};
