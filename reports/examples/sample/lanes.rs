//! Made-up cases of a simulation, told step by step.

use harness_history::Outcome;
use reports::{AcceptorLane, BallotStep, LaneMessage, LaneNote, LaneOperation, Lanes};

const MS: u64 = 1_000_000;

fn lane_operation(
    (client, call, answer): (&str, &str, &str),
    outcome: Outcome,
    began: u64,
    ended: Option<u64>,
) -> LaneOperation {
    LaneOperation {
        client: client.into(),
        call: call.into(),
        answer: answer.into(),
        outcome,
        began: began * MS / 10,
        ended: ended.map(|ended| ended * MS / 10),
        failing: false,
    }
}

/// An acceptor and its steps: tenths of a millisecond, promised, accepted, value, because of.
fn acceptor(name: &str, steps: &[(u64, &str, &str, &str, &str)]) -> AcceptorLane {
    let step =
        |&(time, promised, accepted, value, by): &(u64, &str, &str, &str, &str)| BallotStep {
            time: time * MS / 10,
            promised: promised.into(),
            accepted: accepted.into(),
            value: value.into(),
            by: by.into(),
        };
    AcceptorLane { name: name.into(), steps: steps.iter().map(step).collect() }
}

fn lane_message(
    (from, to, what, fate): (&str, &str, &str, &str),
    sent: u64,
    arrived: Option<u64>,
) -> LaneMessage {
    LaneMessage {
        sent: sent * MS / 10,
        arrived: arrived.map(|arrived| arrived * MS / 10),
        from: from.into(),
        to: to.into(),
        what: what.into(),
        fate: fate.into(),
    }
}

/// A proposer keeps its ballot after an accept of which it does not know whether it happened, and
/// uses it for another value. Whoever reads both takes one of them, and the other is lost.
pub(super) fn reused_ballot() -> Lanes {
    const ONE: &str = "append 1";
    const TWO: &str = "append 2";
    const THREE: &str = "append 3";
    const READ: &str = "read";
    let mut read = lane_operation(("client 2 at p2", READ, "[1, 3]"), Outcome::Ok, 720, Some(750));
    read.failing = true;
    Lanes {
        key: "r7".into(),
        operations: vec![
            lane_operation(("client 1 at p1", ONE, "no answer"), Outcome::Info, 10, Some(410)),
            lane_operation(("client 1 at p1", TWO, "ok"), Outcome::Ok, 430, Some(460)),
            lane_operation(("client 2 at p2", THREE, "ok"), Outcome::Ok, 600, Some(650)),
            read,
        ],
        acceptors: vec![
            acceptor(
                "a1",
                &[
                    (18, "1.p1", "", "", ONE),
                    (38, "1.p1", "1.p1", "[1]", ONE),
                    (612, "2.p2", "1.p1", "[1]", THREE),
                    (633, "2.p2", "2.p2", "[1, 3]", THREE),
                    (731, "3.p2", "2.p2", "[1, 3]", READ),
                    (742, "3.p2", "3.p2", "[1, 3]", READ),
                ],
            ),
            acceptor(
                "a2",
                &[
                    (17, "1.p1", "", "", ONE),
                    (445, "1.p1", "1.p1", "[2]", TWO),
                    (611, "2.p2", "1.p1", "[2]", THREE),
                    (634, "2.p2", "2.p2", "[1, 3]", THREE),
                    (730, "3.p2", "2.p2", "[1, 3]", READ),
                    (741, "3.p2", "3.p2", "[1, 3]", READ),
                ],
            ),
            acceptor(
                "a3",
                &[
                    (19, "1.p1", "", "", ONE),
                    (446, "1.p1", "1.p1", "[2]", TWO),
                    (635, "2.p2", "2.p2", "[1, 3]", THREE),
                    (743, "3.p2", "3.p2", "[1, 3]", READ),
                ],
            ),
        ],
        disturbed: vec![
            lane_message(("p1", "a2", "accept 1.p1 [1]", "lost"), 30, None),
            lane_message(("p1", "a3", "accept 1.p1 [1]", "lost"), 30, None),
            lane_message(("p1", "a1", "accept 1.p1 [2]", "lost"), 436, None),
            lane_message(("p2", "a3", "prepare 2.p2", "lost"), 603, None),
        ],
        notes: Vec::new(),
    }
}

/// The same with messages that overtake each other, faults of processes, a call without an end,
/// long texts, and things that happen at the same time.
pub(super) fn crowded() -> Lanes {
    let mut lanes = reused_ballot();
    let long = format!("[{}]", (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(", "));
    lanes.operations.extend([
        lane_operation(("client 3 at p1", "append 4", "no answer"), Outcome::Info, 20, None),
        lane_operation(("client 3 at p1", "append 5", "conflict"), Outcome::Fail, 430, Some(430)),
        lane_operation(
            ("client with a long name at p2", "read", &long),
            Outcome::Ok,
            440,
            Some(445),
        ),
    ]);
    lanes.acceptors.extend([
        acceptor("a4", &[(18, "1.p1", "1.p1", &long, "append 1"), (430, "", "", "", "the wipe")]),
        acceptor("a5", &[]),
    ]);
    lanes.disturbed.extend([
        lane_message(("a1", "p1", "promise 1.p1", "delayed by 41 ms"), 18, Some(430)),
        lane_message(("p2", "a1", "prepare 2.p2", "arrived twice"), 19, Some(612)),
        lane_message(("p2", "a1", &format!("accept 2.p2 {long}"), "lost"), 38, None),
        lane_message(("client 1", "p1", "append 2", "delayed by 1 ms"), 430, Some(440)),
    ]);
    lanes.notes = [
        (410, "p1", "crashes"),
        (430, "p1", "starts again under the same name"),
        (430, "a4", "is wiped"),
        (750, "a2", "stops"),
    ]
    .map(|(time, who, what)| LaneNote { time: time * MS / 10, who: who.into(), what: what.into() })
    .into();
    lanes
}
