//! Two charts over one time axis: latency and throughput, with the faults behind both.
//!
//! ```text
//! operations ─ sample / bins ─ latency / throughput ─┐
//! faults ───── bands ────────────────────────────────┴─ canvas ─ ink ─ <svg>
//! ```
//!
//! | question | file |
//! |---|---|
//! | how far do the axes go, and where are their ticks? | `chart/axis.rs` |
//! | where is the band of a fault, and its label? | `chart/bands.rs` |
//! | which operations are counted together? | `chart/bins.rs` |
//! | what do axes and bands look like? | `chart/canvas.rs` |
//! | how do colours follow the reader's light or dark? | `chart/ink.rs` |
//! | which points of very many are drawn? | `chart/sample.rs` |
//! | how are ticks put on an axis? | `chart/scale.rs` |

mod axis;
mod bands;
mod bins;
mod canvas;
mod ink;
mod latency;
mod sample;
mod scale;
mod throughput;

pub(crate) use axis::Timeline;
pub(crate) use latency::{LatencyChart, latency};
pub(crate) use throughput::{ThroughputChart, throughput};

use harness_history::Outcome;
use plotters::drawing::DrawingAreaErrorKind;

type DrawError = DrawingAreaErrorKind<std::io::Error>;

/// The outcomes in the order in which they are drawn: the rarer ones last, so that they stay on top.
pub(crate) const OUTCOMES: [Outcome; 3] = [Outcome::Ok, Outcome::Info, Outcome::Fail];
