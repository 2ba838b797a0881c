//! From a run directory to one self-contained HTML page.

mod results;

pub use results::{CheckSummary, Condition, Measures, Metadata, RESULTS_VERSION, Results};
