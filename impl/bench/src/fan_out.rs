//! The least time that a change could take: one accept to all servers, until a majority answers.

use crate::BenchError;
use crate::bare_connection::{self, BareConnection};
use crate::slice::{Outcome, Slice, Tally};
use crate::tape::Tape;
use std::time::{Duration, Instant};

/// Sends one call after the other to all servers, each when a majority has answered the last.
/// Replies that come later are read on the way.
pub(crate) fn run(
    connections: &mut [BareConnection],
    tape: &mut Tape<'_>,
    span: Duration,
) -> Result<Slice, BenchError> {
    let majority = connections.len() / 2 + 1;
    let begin = Instant::now();
    let mut tally = Tally::default();
    let mut calls = 0;
    while begin.elapsed() < span {
        calls += 1;
        // The call is at hand before the clock is started, as in a program that has it in memory.
        tape.reach(calls);
        let sent = Instant::now();
        for connection in &mut *connections {
            connection.send(tape, calls)?;
        }
        while connections.iter().filter(|connection| connection.answered() >= calls).count()
            < majority
        {
            bare_connection::exchange(connections)?;
        }
        tally.count(Outcome::Ok, sent.elapsed(), true);
    }
    bare_connection::drain(connections, tape)?;
    Slice::of(span, &[tally])
}
