//! What a server's errors say about the request: was it executed?

use crate::Lost;
use redis::{RedisError, ServerError};

/// The word for: not, or no longer, the acceptor that is meant.
pub(crate) const NOT_MEMBER: &str = "NOTMEMBER";
/// The word for: told of a later epoch, which follows.
pub(crate) const FENCED: &str = "FENCED";
/// The word for: there are registers of an earlier life.
pub(crate) const NOT_WIPED: &str = "NOTWIPED";

/// The server's own words for "I have not executed this". `OOM` and `MISCONF` among them are said
/// at the first write of a script or not at all, so a script that hears them has written nothing.
const NOT_EXECUTED: [&str; 15] = [
    "BUSY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "NOSCRIPT",
    "OOM",
    "READONLY",
    "WRONGTYPE",
    NOT_WIPED,
];

/// What is lost by an error that the server answered with.
pub(crate) fn lost(error: &ServerError) -> Lost {
    classified(error.code(), error.details().unwrap_or_default())
}

/// What is lost by an error of the client, which may pass on one of the server's.
pub(crate) fn lost_by(error: &RedisError) -> Lost {
    match error.code() {
        Some(code) => classified(code, error.detail().unwrap_or_default()),
        None => Lost::NoAnswer(error.to_string()),
    }
}

fn classified(code: &str, details: &str) -> Lost {
    let text = || format!("{code} {details}");
    match code {
        NOT_MEMBER => Lost::NotMember,
        FENCED => match details.trim().parse() {
            Ok(epoch) => Lost::Fenced { epoch },
            Err(_) => Lost::NoAnswer(text()),
        },
        _ if NOT_EXECUTED.contains(&code) => Lost::Refused(text()),
        _ => Lost::NoAnswer(text()),
    }
}
