//! What the servers can do for a client that does nothing else: calls in a window, always full.

use crate::BenchError;
use crate::lane::{self, Lane};
use crate::slice::Slice;
use crate::tape::Tape;
use std::time::{Duration, Instant};

/// Keeps `window` calls under way at every server for `span`. All servers get the same calls; no
/// server waits for another. A result counts as many operations as there were calls per server,
/// on the average: this many changes the servers could have taken part in.
pub(crate) fn run(
    lanes: &mut [Lane],
    tape: &mut Tape<'_>,
    window: usize,
    span: Duration,
) -> Result<Slice, BenchError> {
    let begin = Instant::now();
    while begin.elapsed() < span {
        for lane in &mut *lanes {
            // Topped up in pieces: a write for every single reply would measure the writes.
            if lane.under_way() <= window - window.div_ceil(4) {
                lane.send(tape, lane.answered() + window)?;
            } else {
                lane.send(tape, 0)?;
            }
        }
        lane::exchange(lanes)?;
    }
    let span = begin.elapsed();
    let in_time = per_server(lanes);
    lane::drain(lanes, tape)?;
    let mut slice = Slice::of(span, &[])?;
    slice.in_time = in_time;
    slice.outcomes.ok = per_server(lanes);
    Ok(slice)
}

fn per_server(lanes: &[Lane]) -> u64 {
    let total: usize = lanes.iter().map(Lane::answered).sum();
    (total / lanes.len().max(1)) as u64
}
