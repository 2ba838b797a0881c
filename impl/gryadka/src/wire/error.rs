//! What a server's errors say about the request: was it executed?

use crate::RequestError;
use caspaxos::HIGHEST_NUMBER;
use redis::{RedisError, ServerError};

/// The word for: not, or no longer, the acceptor that is meant.
pub(crate) const NOT_MEMBER: &str = "NOTMEMBER";
/// The word for: it knows of a later epoch, which follows.
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

/// Why no reply will come, by an error that the server answered with.
pub(crate) fn request_error(error: &ServerError) -> RequestError {
    classified(error.code(), error.details().unwrap_or_default())
}

/// Why no reply will come, by an error of the client, which may pass on one of the server's.
pub(crate) fn client_error(error: &RedisError) -> RequestError {
    match error.code() {
        Some(code) => classified(code, error.detail().unwrap_or_default()),
        None => RequestError::NoAnswer(error.to_string()),
    }
}

fn classified(code: &str, details: &str) -> RequestError {
    let text = format!("{code} {details}");
    match within_script(&text).unwrap_or(code) {
        NOT_MEMBER => RequestError::NotMember,
        FENCED => match details.trim().parse() {
            Ok(epoch) if epoch <= HIGHEST_NUMBER => RequestError::Fenced { epoch },
            Ok(_) | Err(_) => RequestError::NoAnswer(text),
        },
        word if NOT_EXECUTED.contains(&word) => RequestError::Refused(text),
        _ => RequestError::NoAnswer(text),
    }
}

/// The word of a refusal that a script met, as Redis 6 passes it on: behind the place in the script.
fn within_script(text: &str) -> Option<&str> {
    let (_, place) = text.split_once("@user_script: ")?;
    let (_, refusal) = place.split_once(": -")?;
    refusal.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_in_the_words_of_redis_6_and_7() {
        for (code, details) in [
            ("OOM", "command not allowed when used memory > 'maxmemory'. on @user_script:71."),
            ("@user_script:", "71: -OOM command not allowed when used memory > 'maxmemory'."),
            (
                "ERR",
                "Error running script (call to f_1b): @user_script:18: @user_script: 18: -OOM \
                 command not allowed when used memory > 'maxmemory'.",
            ),
        ] {
            assert!(
                matches!(classified(code, details), RequestError::Refused(_)),
                "{code} {details}"
            );
        }
    }

    #[test]
    fn other_errors_are_in_doubt() {
        for (code, details) in [
            ("ERR", "Error running script (call to f_1b): @user_script:18: attempt to index nil"),
            ("ERR", "no such thing as OOM"),
            ("FENCED", "by an unknown acceptor"),
            ("FENCED", "9007199254740992"),
        ] {
            assert!(classified(code, details).may_have_executed(), "{code} {details}");
        }
        assert_eq!(classified("FENCED", "7"), RequestError::Fenced { epoch: 7 });
    }
}
