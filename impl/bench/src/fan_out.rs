//! The least time that a change could take: one accept to all servers, until a majority answers.

use crate::BenchError;
use crate::lane::{self, Lane};
use crate::slice::{Outcome, Slice, Tally};
use crate::tape::Tape;
use std::time::{Duration, Instant};

/// Sends one call after the other to all servers, each when a majority has answered the last.
/// Replies that come later are read on the way.
pub(crate) fn run(
    lanes: &mut [Lane],
    tape: &mut Tape<'_>,
    span: Duration,
) -> Result<Slice, BenchError> {
    let majority = lanes.len() / 2 + 1;
    let begin = Instant::now();
    let mut tally = Tally::default();
    let mut calls = 0;
    while begin.elapsed() < span {
        calls += 1;
        // The call is at hand before the clock is started, as in a program that has it in memory.
        tape.reach(calls);
        let sent = Instant::now();
        for lane in &mut *lanes {
            lane.send(tape, calls)?;
        }
        while lanes.iter().filter(|lane| lane.answered() >= calls).count() < majority {
            lane::exchange(lanes)?;
        }
        tally.count(Outcome::Ok, sent.elapsed(), true);
    }
    lane::drain(lanes, tape)?;
    Slice::of(span, &[tally])
}
