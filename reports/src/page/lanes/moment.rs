//! The moments at which something happens, in the order in which they are told.

use crate::{AcceptorLane, BallotStep, LaneMessage, LaneNote, LaneOperation, Lanes};
use std::collections::BTreeMap;

/// A moment. What follows upon something of the same lane at the same time has a moment of its own,
/// so that neither hides the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// Nanoseconds.
    pub(super) time: u64,
    /// How many moments of the same lane and time are before it.
    pub(super) tie: usize,
}

impl Moment {
    const fn at(time: u64) -> Self {
        Self { time, tie: 0 }
    }

    /// The end of what began at this moment. An end before its beginning is taken to be just after.
    fn end(self, time: u64) -> Self {
        if time > self.time { Self::at(time) } else { Self { tie: self.tie + 1, ..self } }
    }
}

pub(super) const fn began(operation: &LaneOperation) -> Moment {
    Moment::at(operation.began)
}

pub(super) fn ended(operation: &LaneOperation) -> Option<Moment> {
    operation.ended.map(|time| began(operation).end(time))
}

pub(super) const fn sent(message: &LaneMessage) -> Moment {
    Moment::at(message.sent)
}

pub(super) fn arrived(message: &LaneMessage) -> Option<Moment> {
    message.arrived.map(|time| sent(message).end(time))
}

pub(super) const fn noted(note: &LaneNote) -> Moment {
    Moment::at(note.time)
}

/// The steps of an acceptor in order, each with a moment of its own.
pub(super) fn steps(lane: &AcceptorLane) -> Vec<(Moment, &BallotStep)> {
    let mut steps: Vec<_> = lane.steps.iter().map(|step| (Moment::at(step.time), step)).collect();
    steps.sort_by_key(|(moment, _)| *moment);
    for later in 1..steps.len() {
        let before = steps[later - 1].0;
        if steps[later].0.time == before.time {
            steps[later].0.tie = before.tie + 1;
        }
    }
    steps
}

/// Every moment with its number, from 1.
pub(super) fn numbered(lanes: &Lanes) -> BTreeMap<Moment, usize> {
    let calls = lanes.operations.iter().flat_map(|call| [Some(began(call)), ended(call)]);
    let messages =
        lanes.disturbed.iter().flat_map(|message| [Some(sent(message)), arrived(message)]);
    let notes = lanes.notes.iter().map(noted);
    let steps = lanes.acceptors.iter().flat_map(steps).map(|(moment, _)| moment);
    let mut numbered: BTreeMap<_, _> = calls
        .chain(messages)
        .flatten()
        .chain(notes)
        .chain(steps)
        .map(|moment| (moment, 0))
        .collect();
    for (number, place) in (1..).zip(numbered.values_mut()) {
        *place = number;
    }
    numbered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::{lanes, step};

    #[test]
    fn what_one_acceptor_does_at_the_same_time_is_told_one_by_one() {
        let steps_at = |times: &[u64]| {
            let steps = times.iter().map(|&time| step(time, "1.p1", "", "")).collect();
            AcceptorLane { name: "a1".into(), steps }
        };
        let lane = steps_at(&[7, 5, 7, 7]);
        let moments: Vec<_> = steps(&lane).iter().map(|(at, _)| (at.time, at.tie)).collect();
        assert_eq!(moments, [(5, 0), (7, 0), (7, 1), (7, 2)]);
    }

    #[test]
    fn a_call_that_takes_no_time_ends_after_it_began() {
        let mut call = lanes().operations.remove(0);
        for end in [call.began, call.began - 1] {
            call.ended = Some(end);
            assert!(ended(&call) > Some(began(&call)));
        }
    }

    #[test]
    fn everything_that_happens_has_a_number_and_what_happens_together_shares_it() {
        let numbered = numbered(&lanes());
        let numbers: Vec<_> = numbered.values().copied().collect();
        assert_eq!(numbers, (1..=numbered.len()).collect::<Vec<_>>());
        let times: Vec<_> = numbered.keys().map(|moment| moment.time / 1_000_000).collect();
        assert_eq!(times, [1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12]);
    }
}
