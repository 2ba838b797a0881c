//! A reply in Redis' framing.

use super::error::request_error;
use super::register::{read_ballot, read_register, write_ballot, write_register};
use crate::{Reply, RequestError, VersionedValue};
use bytes::{Buf, BufMut, Bytes};
use caspaxos::{Ballot, Ballots, HIGHEST_NUMBER, Stage};
use redis::Value;

/// A reply as a server puts it into its array.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Nil,
    Number(u64),
    Text(Vec<u8>),
    Array(Vec<Self>),
}

/// The reply as it is sent.
pub(crate) fn answer(reply: &Reply) -> Answer {
    match reply {
        Reply::Promise { promise_floor, accepted, value } => {
            let register = register(*accepted, value.as_ref());
            Answer::Array(vec![Answer::Number(*promise_floor), register])
        }
        Reply::Current { accepted, value } => register(*accepted, value.as_ref()),
        Reply::Accepted => Answer::Number(1),
        Reply::Erased(erased) => Answer::Number(u64::from(*erased)),
        Reply::Conflict(held) | Reply::Refused(held) => {
            let mut text = Vec::new();
            text.put_u8(b'X');
            write_ballot(&mut text, held.promised);
            write_ballot(&mut text, held.accepted);
            Answer::Text(text)
        }
    }
}

/// What was accepted last, as a register; nil when nothing was.
fn register(accepted: Ballot, value: Option<&VersionedValue>) -> Answer {
    if accepted == Ballot::ZERO && value.is_none() {
        return Answer::Nil;
    }
    let mut text = Vec::new();
    // A proposer has no use for what was promised before.
    write_register(&mut text, (accepted, accepted), value);
    Answer::Text(text)
}

/// Reads the reply to a request of this stage. What cannot be understood is in doubt.
pub(crate) fn parse_reply((stage, value): (Stage, Value)) -> Result<Reply, RequestError> {
    let reply = match (stage, value) {
        (_, Value::ServerError(error)) => return Err(request_error(&error)),
        (Stage::Prepare, Value::Array(parts)) => read_promise(parts),
        (Stage::Prepare, Value::BulkString(text)) => read_held(text).map(Reply::Conflict),
        (Stage::Accept, Value::Int(1)) => Some(Reply::Accepted),
        (Stage::Accept, Value::BulkString(text)) => read_held(text).map(Reply::Refused),
        (Stage::Read, register @ (Value::Nil | Value::BulkString(_))) => {
            read_accepted(register).map(|(accepted, value)| Reply::Current { accepted, value })
        }
        (Stage::Collect, Value::Int(erased @ (0 | 1))) => Some(Reply::Erased(erased == 1)),
        (_, other) => return Err(strange(&other)),
    };
    reply.ok_or_else(|| RequestError::NoAnswer(format!("a reply to {stage:?} that cannot be read")))
}

fn read_promise(parts: Vec<Value>) -> Option<Reply> {
    let [Value::Int(floor), register] = <[Value; 2]>::try_from(parts).ok()? else { return None };
    let (accepted, value) = read_accepted(register)?;
    let promise_floor = u64::try_from(floor).ok().filter(|floor| *floor <= HIGHEST_NUMBER)?;
    Some(Reply::Promise { promise_floor, accepted, value })
}

/// What a register says was accepted last.
fn read_accepted(register: Value) -> Option<(Ballot, Option<VersionedValue>)> {
    let Value::BulkString(text) = register else {
        return (register == Value::Nil).then_some((Ballot::ZERO, None));
    };
    let register = read_register(text.into())?;
    Some((register.accepted, register.value))
}

/// The ballots in the way of a request.
fn read_held(text: Vec<u8>) -> Option<Ballots> {
    let mut text = Bytes::from(text);
    if text.try_get_u8() != Ok(b'X') {
        return None;
    }
    let held = Ballots { promised: read_ballot(&mut text)?, accepted: read_ballot(&mut text)? };
    text.is_empty().then_some(held)
}

fn strange(value: &Value) -> RequestError {
    // A value may be long, and has no place in a log.
    let mut text = format!("{value:?}");
    text.truncate(text.floor_char_boundary(100));
    RequestError::NoAnswer(format!("a reply of an unknown form: {text}"))
}
