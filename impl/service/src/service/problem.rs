//! Everything that can go wrong with a request, as one shape of JSON document (RFC 9457).

use axum::http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gryadka::{ChangeError, Why};
use serde::Serialize;

use super::etag::etag;

/// A request that did not get what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the key is empty; keys have 1 to 1024 bytes")]
    EmptyKey,
    #[error("the key has {length} bytes; keys have 1 to {limit}")]
    KeyTooLong { length: usize, limit: usize },
    #[error("the key is not percent-encoded: % must be followed by two hexadecimal digits")]
    BadKey,
    #[error("this key belongs to the cluster itself")]
    ReservedKey,
    #[error("the header {name} is wrong: {want}")]
    BadHeader { name: &'static str, want: &'static str },
    #[error("the query is wrong: {want}")]
    BadQuery { want: &'static str },
    #[error("the body is wrong: {0}")]
    BadBody(String),
    #[error("a token is needed: Authorization: Bearer <token>")]
    Unauthorized,
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("the key has no value")]
    Absent,
    #[error("there is no such resource; a key is one path segment, so a / in it is written %2F")]
    NoRoute,
    #[error("there is no such operation, or it ended long ago")]
    NoOperation,
    #[error("this resource does not know the method; see the Allow header")]
    MethodNotAllowed,
    #[error("the body did not arrive in time")]
    BodyTimeout,
    #[error("the value is not a decimal integer of 64 bits")]
    NotAnInteger,
    #[error("the sum does not fit into 64 bits")]
    Overflow,
    #[error("operation {id} is still running")]
    OperationRunning { id: u64 },
    #[error("the value is not the one that the preconditions ask for")]
    PreconditionFailed { version: Option<u64> },
    #[error("the value would have more than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("{0}")]
    Undecided(#[from] ChangeError),
    #[error("too many requests are under way")]
    Overloaded,
}

/// What a client may act upon, beside the status.
#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    error: &'a str,
    detail: String,
    /// The present version, where preconditions failed: null when there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl Problem {
    /// The status and the machine-readable word.
    pub(crate) const fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::EmptyKey => (StatusCode::BAD_REQUEST, "empty-key"),
            Self::KeyTooLong { .. } => (StatusCode::URI_TOO_LONG, "key-too-long"),
            Self::BadKey => (StatusCode::BAD_REQUEST, "bad-key"),
            Self::ReservedKey => (StatusCode::FORBIDDEN, "reserved-key"),
            Self::BadHeader { .. } => (StatusCode::BAD_REQUEST, "bad-header"),
            Self::BadQuery { .. } => (StatusCode::BAD_REQUEST, "bad-query"),
            Self::BadBody(_) => (StatusCode::BAD_REQUEST, "bad-body"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Absent => (StatusCode::NOT_FOUND, "absent"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "no-route"),
            Self::NoOperation => (StatusCode::NOT_FOUND, "no-operation"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body-timeout"),
            Self::NotAnInteger => (StatusCode::CONFLICT, "not-an-integer"),
            Self::Overflow => (StatusCode::CONFLICT, "overflow"),
            Self::OperationRunning { .. } => (StatusCode::CONFLICT, "operation-running"),
            Self::PreconditionFailed { .. } => {
                (StatusCode::PRECONDITION_FAILED, "precondition-failed")
            }
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Self::Undecided(_) => (StatusCode::SERVICE_UNAVAILABLE, "undecided"),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        }
    }

    /// Whether the change may have happened, and why that is so, where the status leaves it open.
    const fn outcome(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Undecided(ChangeError::NotApplied(why)) => Some((NOT_APPLIED, reason(*why))),
            Self::Undecided(ChangeError::Unknown(why)) => Some(("unknown", reason(*why))),
            Self::Overloaded => Some((NOT_APPLIED, "overload")),
            Self::EmptyKey
            | Self::KeyTooLong { .. }
            | Self::BadKey
            | Self::ReservedKey
            | Self::BadHeader { .. }
            | Self::BadQuery { .. }
            | Self::BadBody(_)
            | Self::Unauthorized
            | Self::Forbidden(_)
            | Self::Absent
            | Self::NoRoute
            | Self::NoOperation
            | Self::MethodNotAllowed
            | Self::BodyTimeout
            | Self::NotAnInteger
            | Self::Overflow
            | Self::OperationRunning { .. }
            | Self::PreconditionFailed { .. }
            | Self::TooLarge { .. } => None,
        }
    }

    const fn version(&self) -> Option<Option<u64>> {
        if let Self::PreconditionFailed { version } = self { Some(*version) } else { None }
    }
}

const NOT_APPLIED: &str = "not-applied";

const fn reason(why: Why) -> &'static str {
    match why {
        Why::Conflict => "conflict",
        Why::Unreachable => "unreachable",
        Why::Deadline => "deadline",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, error) = self.kind();
        let (outcome, reason) = self.outcome().unzip();
        let document = Document {
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            error,
            detail: self.to_string(),
            version: self.version(),
            outcome,
            reason,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(Some(version)) = self.version() {
            headers.insert(ETAG, etag(version));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // A change that may have happened must not be repeated by a client's own machinery.
        if outcome == Some(NOT_APPLIED) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
