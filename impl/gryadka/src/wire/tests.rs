//! What is written is read again, and what is not understood is in doubt.

use super::*;
use crate::RequestError;
use crate::{Reply, Request, VersionedValue};
use bytes::Bytes;
use caspaxos::{Ballot, Ballots, Lineage, ProposerId, Stage};
use proptest::prelude::*;
use redis::Value;

fn ballots() -> impl Strategy<Value = Ballot> {
    (0..1_u64 << 53, 0..1_u64 << 53)
        .prop_map(|(counter, proposer)| Ballot { counter, proposer: ProposerId(proposer) })
}

fn cells() -> impl Strategy<Value = Option<VersionedValue>> {
    let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    let lineage = prop::collection::vec(ballots(), 0..=Lineage::LONGEST);
    let cell = (0..1_u64 << 53, value, lineage).prop_map(|(version, value, lineage)| {
        VersionedValue { version, value: value.map(Bytes::from), lineage: Lineage::of(lineage) }
    });
    prop::option::of(cell)
}

fn requests() -> impl Strategy<Value = Request> {
    prop_oneof![
        ballots().prop_map(|ballot| Request::Prepare { ballot }),
        (ballots(), cells(), ballots()).prop_map(|(ballot, value, next)| {
            Request::Accept { ballot, value, promise: next.max(ballot) }
        }),
        Just(Request::Read),
        (ballots(), 0..1_u64 << 53)
            .prop_map(|(tombstone, promise_floor)| Request::Collect { tombstone, promise_floor }),
    ]
}

fn replies() -> impl Strategy<Value = (Stage, Reply)> {
    let held =
        || (ballots(), ballots()).prop_map(|(promised, accepted)| Ballots { promised, accepted });
    let holding = || {
        (ballots(), cells()).prop_map(|(accepted, value)| {
            // A register that nothing was accepted in holds nothing.
            if accepted == Ballot::ZERO { (accepted, None) } else { (accepted, value) }
        })
    };
    prop_oneof![
        (holding(), 0..1_u64 << 53).prop_map(|((accepted, value), promise_floor)| {
            (Stage::Prepare, Reply::Promise { promise_floor, accepted, value })
        }),
        holding().prop_map(|(accepted, value)| (Stage::Read, Reply::Current { accepted, value })),
        (0..1_u64 << 53).prop_map(|promise_floor| {
            (Stage::Prepare, Reply::Promise { promise_floor, accepted: Ballot::ZERO, value: None })
        }),
        Just((Stage::Accept, Reply::Accepted)),
        any::<bool>().prop_map(|erased| (Stage::Collect, Reply::Erased(erased))),
        held().prop_map(|held| (Stage::Prepare, Reply::Conflict(held))),
        held().prop_map(|held| (Stage::Accept, Reply::Refused(held))),
    ]
}

fn sent(answer: Answer) -> Value {
    match answer {
        Answer::Nil => Value::Nil,
        Answer::Number(number) => Value::Int(number.try_into().unwrap()),
        Answer::Text(text) => Value::BulkString(text),
        Answer::Array(items) => Value::Array(items.into_iter().map(sent).collect()),
    }
}

proptest! {
    #[test]
    fn requests_come_back(request in requests()) {
        let mut text = Vec::new();
        write_request(&mut text, &request);
        prop_assert_eq!(parse_request(text.into()), Some(request));
    }

    #[test]
    fn replies_come_back((stage, reply) in replies()) {
        prop_assert_eq!(parse_reply((stage, sent(answer(&reply)))), Ok(reply));
    }

    /// A cut in the value of a live cell cannot be seen; it is the framing's to notice.
    #[test]
    fn a_part_of_a_request_is_not_another_one(request in requests(), part in any::<prop::sample::Index>()) {
        let mut text = Vec::new();
        write_request(&mut text, &request);
        let value = match &request {
            Request::Accept { value: Some(cell), .. } => cell.value.as_ref(),
            Request::Accept { value: None, .. }
            | Request::Prepare { .. }
            | Request::Read
            | Request::Collect { .. } => None,
        };
        let end = text.len() - value.map_or(0, Bytes::len);
        let cut = Bytes::from(text).slice(..part.index(end));
        prop_assert_eq!(parse_request(cut), None);
    }

    #[test]
    fn any_bytes_are_survived(text in prop::collection::vec(any::<u8>(), 0..80)) {
        let request = parse_request(Bytes::from(text.clone()));
        for stage in [Stage::Prepare, Stage::Accept, Stage::Read, Stage::Collect] {
            let reply = parse_reply((stage, Value::BulkString(text.clone())));
            prop_assert!(reply.is_err() || text.len() >= 33, "{:?} {:?}", request, reply);
        }
    }
}

#[test]
fn a_reply_to_something_else_is_in_doubt() {
    let accepted = || Value::Int(1);
    for (stage, value) in [
        (Stage::Prepare, accepted()),
        (Stage::Prepare, Value::Nil),
        (Stage::Prepare, Value::Array(vec![Value::Int(1)])),
        (Stage::Prepare, Value::Array(vec![Value::Int(-1), Value::Nil])),
        (Stage::Prepare, Value::Array(vec![Value::Nil, Value::Nil])),
        (Stage::Prepare, Value::Array(vec![Value::Int(1), Value::Nil, Value::Nil])),
        (Stage::Read, accepted()),
        (Stage::Accept, Value::Int(0)),
        (Stage::Accept, Value::Nil),
        (Stage::Collect, Value::Int(2)),
        (Stage::Read, Value::BulkString(b"X and no ballots".to_vec())),
        (Stage::Accept, Value::Okay),
    ] {
        let reply = parse_reply((stage, value.clone()));
        assert!(matches!(reply, Err(RequestError::NoAnswer(_))), "{stage:?} {value:?}: {reply:?}");
    }
}

/// `2^53 - 1` is the highest number that every language holds exactly; what is above was not written by us.
#[test]
fn numbers_from_2_to_the_53rd_on_are_in_doubt() {
    let ballot = |counter, proposer| Ballot { counter, proposer: ProposerId(proposer) };
    let low = ballot(1, 1);
    let accept = |accepted, promised, version, ancestor| {
        let lineage = Lineage::of(vec![ancestor]);
        let value = Some(VersionedValue { version, value: Some(Bytes::from("x")), lineage });
        let mut text = Vec::new();
        write_request(&mut text, &Request::Accept { ballot: accepted, value, promise: promised });
        text
    };
    let held = |held: Ballots| sent(answer(&Reply::Conflict(held)));
    for (number, fits) in [((1 << 53) - 1, true), (1 << 53, false), (1 << 60, false)] {
        let high = [ballot(number, 1), ballot(1, number)];
        let mut registers = vec![accept(low, low, number, low)];
        registers.extend(high.map(|high| accept(high, high, 1, low)));
        registers.extend(high.map(|high| accept(low, high.max(low), 1, low)));
        registers.extend(high.map(|high| accept(low, low, 1, high)));
        for text in registers {
            let spelt = format!("{number} in {text:?}");
            let value = || Value::BulkString(text.clone());
            assert_eq!(parse_request(text.clone().into()).is_some(), fits, "{spelt}");
            assert_eq!(parse_reply((Stage::Read, value())).is_ok(), fits, "{spelt}");
            let promise = Value::Array(vec![Value::Int(0), value()]);
            assert_eq!(parse_reply((Stage::Prepare, promise)).is_ok(), fits, "{spelt}");
        }
        for high in high {
            for held in [
                held(Ballots { promised: high, accepted: low }),
                held(Ballots { promised: low, accepted: high }),
            ] {
                for stage in [Stage::Prepare, Stage::Accept] {
                    let reply = parse_reply((stage, held.clone()));
                    assert_eq!(reply.is_ok(), fits, "{stage:?} {number}");
                    assert!(reply.err().is_none_or(|error| error.may_have_executed()));
                }
            }
        }
        let floor = Value::Array(vec![Value::Int(number as i64), Value::Nil]);
        assert_eq!(parse_reply((Stage::Prepare, floor)).is_ok(), fits, "floor {number}");
        let mut collect = Vec::new();
        write_request(&mut collect, &Request::Collect { tombstone: low, promise_floor: number });
        assert_eq!(parse_request(collect.into()).is_some(), fits, "collect with floor {number}");
        assert_eq!(parse_identity(&format!("{number}/1")).is_some(), fits);
    }
}

/// Registers outlive the program that wrote them: this form must be read for ever.
#[test]
fn a_register_is_stored_in_this_form() {
    let ballot = |counter| Ballot { counter, proposer: ProposerId(7) };
    let cell = VersionedValue {
        version: 3,
        value: Some(Bytes::from("value")),
        lineage: Lineage::of(vec![ballot(2)]),
    };
    let accept = Request::Accept { ballot: ballot(2), value: Some(cell), promise: ballot(258) };
    let mut text = Vec::new();
    write_request(&mut text, &accept);
    let expected = [
        &b"A"[..],
        b"\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x07",
        b"\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x07",
        b"\0\0\0\0\0\0\0\x03\x01",
        b"\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x07",
        b"value",
    ];
    assert_eq!(text, expected.concat());
}
