//! What the servers can do for a client that does nothing else: calls in a window, always full.

use crate::BenchError;
use crate::bare_connection::{self, BareConnection};
use crate::slice::Slice;
use crate::tape::Tape;
use std::time::{Duration, Instant};

/// Keeps `window` calls under way at every server for `span`. All servers get the same calls; no
/// server waits for another. A result counts as many operations as there were calls per server,
/// on the average: this many changes the servers could have taken part in.
pub(crate) fn run(
    connections: &mut [BareConnection],
    tape: &mut Tape<'_>,
    window: usize,
    span: Duration,
) -> Result<Slice, BenchError> {
    let begin = Instant::now();
    while begin.elapsed() < span {
        for connection in &mut *connections {
            // Topped up in pieces: a write for every single reply would measure the writes.
            if connection.under_way() <= window - window.div_ceil(4) {
                connection.send(tape, connection.answered() + window)?;
            } else {
                connection.send(tape, 0)?;
            }
        }
        bare_connection::exchange(connections)?;
    }
    let span = begin.elapsed();
    let in_time = per_server(connections);
    bare_connection::drain(connections, tape)?;
    let mut slice = Slice::of(span, &[])?;
    slice.in_time = in_time;
    slice.outcomes.ok = per_server(connections);
    Ok(slice)
}

fn per_server(connections: &[BareConnection]) -> u64 {
    let total: usize = connections.iter().map(BareConnection::answered).sum();
    (total / connections.len().max(1)) as u64
}
