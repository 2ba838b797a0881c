//! The resources of a key: its value, and what changes it in place.

use super::Service;
use super::etag::{Preconditions, Unmet, etag};
use super::key::{key, segment};
use super::metrics::outcome;
use super::problem::Problem;
use super::request::{by, timeout};
use crate::settings::Limits;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gryadka::{Bytes, Decision, Present};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// A cache must ask before it answers: its copy may have been overwritten.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");

/// `GET` and `HEAD` of a value.
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    let Target { key, conditions, timeout } = Target::of(&request, &service.limits)?;
    let answer = service.gryadka.get(&key, Instant::now() + timeout).await;
    service.metrics.change(outcome(&answer));
    // Preconditions count only where there would otherwise be a success (RFC 9110, 13.2.1).
    let present = answer?.ok_or(Problem::Absent)?;
    let tag = (ETAG, etag(present.version));
    match conditions.check(Some(present.version)) {
        Ok(()) => {
            let headers = [(CONTENT_TYPE, BYTES), (CACHE_CONTROL, ASK), tag];
            Ok((headers, present.value).into_response())
        }
        Err(Unmet::NoneMatch) => {
            // Else it would be sent as 0, which is not the value's length.
            let length = (CONTENT_LENGTH, HeaderValue::from(present.value.len()));
            Ok((StatusCode::NOT_MODIFIED, [(CACHE_CONTROL, ASK), tag, length]).into_response())
        }
        Err(Unmet::Match) => Err(Problem::PreconditionFailed { version: Some(present.version) }),
    }
}

/// `PUT` of a value.
pub(crate) async fn write(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    if request.headers().contains_key(CONTENT_RANGE) {
        let want = "values are written whole, never in part";
        return Err(Problem::BadHeader { name: "Content-Range", want });
    }
    let target = Target::of(&request, &service.limits)?;
    let (body, _permit) = service.admit_with_body(request.into_body()).await?;
    let value = body.bytes.clone();
    let done = update(&service, target, Needs::Nothing, move |_| Ok(Some(value.clone()))).await?;
    let status = if done.created { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    Ok((status, [(ETAG, etag(done.version))]).into_response())
}

/// `DELETE` of a value.
pub(crate) async fn remove(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    let target = Target::of(&request, &service.limits)?;
    update(&service, target, Needs::Value, |_| Ok(None)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST …/increment`: the value is a decimal integer; no value counts as 0.
pub(crate) async fn increment(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    let target = Target::of(&request, &service.limits)?;
    let by = by(request.uri().query())?;
    let location = format!("/v1/kv/{}", segment(request.uri().path()));
    let done = update(&service, target, Needs::Nothing, move |present| {
        let sum = integer(present)?.checked_add(by).ok_or(Problem::Overflow)?;
        Ok(Some(Bytes::from(sum.to_string())))
    })
    .await?;
    let sum = done.value.unwrap_or_default();
    let mut response = ([(CONTENT_TYPE, TEXT), (ETAG, etag(done.version))], sum).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(CONTENT_LOCATION, location);
    }
    Ok(response)
}

/// `POST …/append`: the body goes to the end of the value.
pub(crate) async fn append(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let target = Target::of(&request, &service.limits)?;
    let limit = service.limits.value_bytes;
    let (body, _permit) = service.admit_with_body(request.into_body()).await?;
    let tail = body.bytes.clone();
    let done = update(&service, target, Needs::Nothing, move |present| {
        let value = [present.map(Bytes::as_ref).unwrap_or_default(), &tail].concat();
        if value.len() > limit { Err(Problem::TooLarge { limit }) } else { Ok(Some(value.into())) }
    })
    .await?;
    Ok((StatusCode::NO_CONTENT, [(ETAG, etag(done.version))]).into_response())
}

fn integer(value: Option<&Bytes>) -> Result<i64, Problem> {
    let Some(value) = value else { return Ok(0) };
    let text = std::str::from_utf8(value).map_err(|_| Problem::NotAnInteger)?;
    text.parse::<i64>().map_err(|_| Problem::NotAnInteger)
}

/// What a request is about, read before its body.
struct Target {
    key: Vec<u8>,
    conditions: Preconditions,
    timeout: Duration,
}

impl Target {
    fn of(request: &Request, limits: &Limits) -> Result<Self, Problem> {
        Ok(Self {
            key: key(request.uri().path())?,
            conditions: Preconditions::of(request.headers())?,
            timeout: timeout(request.headers(), limits.timeout)?,
        })
    }
}

/// What a change needs of the present value, apart from the preconditions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Value,
}

/// The result of a change.
#[derive(Debug)]
struct Done {
    version: u64,
    created: bool,
    /// `None` when it is deleted.
    value: Option<Bytes>,
}

/// Puts what `compute` makes of the present value, if the preconditions are met at that
/// instant. `None` deletes. A refusal is committed like any answer, so it was true. It may happen even
/// though the client goes away meanwhile: what was sent to the acceptors is not called back.
async fn update(
    service: &Service,
    target: Target,
    needs: Needs,
    mut compute: impl FnMut(Option<&Bytes>) -> Result<Option<Bytes>, Problem> + Send + 'static,
) -> Result<Done, Problem> {
    let Target { key, conditions, timeout } = target;
    let step = move |present: Present<'_>| {
        let version = present.value.map(|_| present.version);
        if needs == Needs::Value && version.is_none() {
            return Decision::Keep(Err(Problem::Absent));
        }
        if conditions.check(version).is_err() {
            return Decision::Keep(Err(Problem::PreconditionFailed { version }));
        }
        match compute(present.value) {
            Ok(value) => {
                let created = version.is_none();
                let done = Done { version: present.next, created, value: value.clone() };
                Decision::Put(value, Ok(done))
            }
            Err(problem) => Decision::Keep(Err(problem)),
        }
    };
    let answer = service.gryadka.change(&key, step, Instant::now() + timeout).await;
    service.metrics.change(outcome(&answer));
    answer?
}
