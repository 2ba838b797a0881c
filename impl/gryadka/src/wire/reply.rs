//! A reply in Redis' framing.

use super::error::lost;
use super::register::{read_ballot, read_register, write_ballot, write_register};
use crate::Reply;
use crate::RequestError;
use bytes::{Buf, BufMut, Bytes};
use caspaxos::{Ballot, Ballots, Stage};
use redis::Value;

/// A reply as a server puts it into its array.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Nil,
    Number(u8),
    Text(Vec<u8>),
}

/// The reply as it is sent.
pub(crate) fn answer(reply: &Reply) -> Answer {
    match reply {
        Reply::Promise { accepted: Ballot::ZERO, value: None }
        | Reply::Current { accepted: Ballot::ZERO, value: None } => Answer::Nil,
        Reply::Promise { accepted, value } | Reply::Current { accepted, value } => {
            let mut text = Vec::new();
            // Whoever asks has no use for what was promised before.
            write_register(&mut text, (*accepted, *accepted), value.as_ref());
            Answer::Text(text)
        }
        Reply::Accepted => Answer::Number(1),
        Reply::Collected(erased) => Answer::Number(u8::from(*erased)),
        Reply::Conflict(held) | Reply::Refused(held) => {
            let mut text = Vec::new();
            text.put_u8(b'X');
            write_ballot(&mut text, held.promised);
            write_ballot(&mut text, held.accepted);
            Answer::Text(text)
        }
    }
}

/// Reads the reply to a request of this stage.
pub(crate) fn parse_reply((stage, value): (Stage, Value)) -> Result<Reply, RequestError> {
    let text = match (stage, value) {
        (_, Value::ServerError(error)) => return Err(lost(&error)),
        (Stage::Prepare | Stage::Read, Value::Nil) => None,
        (Stage::Accept, Value::Int(1)) => return Ok(Reply::Accepted),
        (Stage::Collect, Value::Int(erased @ (0 | 1))) => return Ok(Reply::Collected(erased == 1)),
        (_, Value::BulkString(text)) => Some(Bytes::from(text)),
        (_, other) => return Err(strange(&other)),
    };
    text.map_or_else(|| nothing(stage), |text| read_text(stage, text))
        .ok_or_else(|| RequestError::NoAnswer(format!("a reply to {stage:?} that cannot be read")))
}

fn nothing(stage: Stage) -> Option<Reply> {
    holding(stage, Ballot::ZERO, None)
}

fn read_text(stage: Stage, mut text: Bytes) -> Option<Reply> {
    if text.first() != Some(&b'X') {
        let register = read_register(text)?;
        return holding(stage, register.accepted, register.value);
    }
    text.advance(1);
    let held = Ballots { promised: read_ballot(&mut text)?, accepted: read_ballot(&mut text)? };
    match stage {
        Stage::Prepare => Some(Reply::Conflict(held)),
        Stage::Accept => Some(Reply::Refused(held)),
        Stage::Read | Stage::Collect => None,
    }
}

fn holding(stage: Stage, accepted: Ballot, value: Option<crate::VersionedValue>) -> Option<Reply> {
    match stage {
        Stage::Prepare => Some(Reply::Promise { accepted, value }),
        Stage::Read => Some(Reply::Current { accepted, value }),
        Stage::Accept | Stage::Collect => None,
    }
}

fn strange(value: &Value) -> RequestError {
    // A value may be long, and nobody wants to see it in a log.
    let mut text = format!("{value:?}");
    text.truncate(text.floor_char_boundary(100));
    RequestError::NoAnswer(format!("a reply of an unknown form: {text}"))
}
