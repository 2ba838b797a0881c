//! Every error of a request, as one shape of JSON document (RFC 9457).

use crate::administration::{Blame, TaskError};
use axum::http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gryadka::{AddressError, ChangeError, Reason, TooLong};
use serde::Serialize;

use super::etag::etag;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the key is empty; keys have 1 to 1024 bytes")]
    EmptyKey,
    #[error("the key has {length} bytes; keys have 1 to {limit}")]
    KeyTooLong { length: usize, limit: usize },
    #[error("the key is not percent-encoded: % must be followed by two hexadecimal digits")]
    BadKey,
    #[error("the header {name} is wrong: {want}")]
    BadHeader { name: &'static str, want: &'static str },
    #[error("the query is wrong: {want}")]
    BadQuery { want: &'static str },
    #[error("the body is wrong: {0}")]
    BadBody(String),
    #[error(transparent)]
    BadAddress(AddressError),
    #[error("the token is missing or wrong: send Authorization: Bearer <token>")]
    Unauthorized,
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("the key has no value")]
    Absent,
    #[error("unknown resource; a key is one path segment, so a / in it is written %2F")]
    NoRoute,
    #[error("unknown operation: its id is wrong, or it ended long ago")]
    NoOperation,
    #[error("this resource does not have the method; the Allow header lists those that it has")]
    MethodNotAllowed,
    #[error("the body arrived too slowly")]
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
    #[error("{}", ChangeError::NotApplied(*.0))]
    NotApplied(Reason),
    #[error("{}", ChangeError::Unknown(*.0))]
    Unknown(Reason),
    #[error("too many requests, or too many bytes of their bodies, are in progress")]
    Overloaded,
    /// The cluster cannot be changed in this way, or not now.
    #[error("{detail}")]
    Refused { error: &'static str, detail: String },
    /// An operation on the cluster could not begin.
    #[error("{detail}")]
    OutOfReach { error: &'static str, detail: String },
}

/// The body of an error.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemDetails {
    title: &'static str,
    status: u16,
    error: &'static str,
    detail: String,
    /// The present version, where preconditions failed: null when there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Problem {
    /// The status and the machine-readable word.
    pub(crate) const fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::EmptyKey => (StatusCode::BAD_REQUEST, "empty-key"),
            Self::KeyTooLong { .. } => (StatusCode::URI_TOO_LONG, "key-too-long"),
            Self::BadKey => (StatusCode::BAD_REQUEST, "bad-key"),
            Self::BadHeader { .. } => (StatusCode::BAD_REQUEST, "bad-header"),
            Self::BadQuery { .. } => (StatusCode::BAD_REQUEST, "bad-query"),
            Self::BadBody(_) => (StatusCode::BAD_REQUEST, "bad-body"),
            Self::BadAddress(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad-address"),
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
            Self::NotApplied(_) | Self::Unknown(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "undecided")
            }
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::Refused { error, .. } => (StatusCode::CONFLICT, error),
            Self::OutOfReach { error, .. } => (StatusCode::SERVICE_UNAVAILABLE, error),
        }
    }

    /// For a 503: whether the change may have been applied, and the reason.
    const fn outcome(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::NotApplied(reason) => Some((NOT_APPLIED, word(*reason))),
            Self::Unknown(reason) => Some(("unknown", word(*reason))),
            Self::Overloaded => Some((NOT_APPLIED, "overload")),
            Self::OutOfReach { .. } => Some((NOT_APPLIED, word(Reason::Unreachable))),
            Self::EmptyKey
            | Self::KeyTooLong { .. }
            | Self::BadKey
            | Self::BadHeader { .. }
            | Self::BadQuery { .. }
            | Self::BadBody(_)
            | Self::BadAddress(_)
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
            | Self::TooLarge { .. }
            | Self::Refused { .. } => None,
        }
    }

    const fn version(&self) -> Option<Option<u64>> {
        if let Self::PreconditionFailed { version } = self { Some(*version) } else { None }
    }

    /// The body of its answer.
    pub(crate) fn details(&self) -> ProblemDetails {
        let (status, error) = self.kind();
        let (outcome, reason) = self.outcome().unzip();
        ProblemDetails {
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            error,
            detail: self.to_string(),
            version: self.version(),
            outcome,
            reason,
        }
    }
}

impl From<&TaskError> for Problem {
    fn from(failed: &TaskError) -> Self {
        let ((error, blame), detail) = (failed.kind(), failed.to_string());
        match blame {
            Blame::Request | Blame::State => Self::Refused { error, detail },
            Blame::Reach => Self::OutOfReach { error, detail },
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotApplied(reason) => Self::NotApplied(reason),
            ChangeError::Unknown(reason) => Self::Unknown(reason),
            ChangeError::TooLong(TooLong::Key { length: 0, .. }) => Self::EmptyKey,
            ChangeError::TooLong(TooLong::Key { length, limit }) => {
                Self::KeyTooLong { length, limit }
            }
            ChangeError::TooLong(TooLong::Value { limit, .. }) => Self::TooLarge { limit },
        }
    }
}

const NOT_APPLIED: &str = "not-applied";

const fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Conflict => "conflict",
        Reason::Unreachable => "unreachable",
        Reason::Deadline => "deadline",
        Reason::CounterUsedUp => "counter-used-up",
        Reason::LineageForgotten => "lineage-forgotten",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = self.details();
        let (status, _) = self.kind();
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
        if document.outcome == Some(NOT_APPLIED) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
