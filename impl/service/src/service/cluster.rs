//! The resources of the cluster: its state, and the operations that change it.

use super::Service;
use super::problem::Problem;
use super::request::json;
use crate::administration::Task;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gryadka::{AcceptorAddress, Membership};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits for the first step of its operation, or for its failure. That an acceptor
/// cannot join because it does not answer is known within this time.
const FIRST_STEP_TIMEOUT: Duration = Duration::from_secs(3);

/// What the paths of operations begin with; the id follows.
const OPERATIONS: &str = "/v1/cluster/operations/";

/// `GET /v1/cluster`.
pub(crate) async fn state(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    let overview = service.administration.overview().await;
    overview.map(|overview| document(&overview)).map_err(|error| Problem::from(&error))
}

/// `GET /v1/cluster/operations/{id}`.
pub(crate) async fn operation(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    let id = request.uri().path().strip_prefix(OPERATIONS).and_then(|id| id.parse().ok());
    let id = id.ok_or(Problem::NoOperation)?;
    service.operations.status(id).map(|status| document(&status)).ok_or(Problem::NoOperation)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grow {
    acceptors: Vec<String>,
}

/// `POST /v1/cluster/grow`.
pub(crate) async fn grow(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let (body, _permit) = service.admit_with_body(request.into_body()).await?;
    let Grow { acceptors } = json(&body.bytes)?;
    if acceptors.is_empty() {
        return Err(Problem::BadBody(String::from(
            "acceptors is empty: give the address of at least one that joins",
        )));
    }
    acceptors.iter().try_for_each(|url| check_address(url))?;
    start(&service, Task::Membership(Membership::Grow(acceptors))).await
}

fn check_address(url: &str) -> Result<(), Problem> {
    url.parse::<AcceptorAddress>().map(drop).map_err(Problem::BadAddress)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shrink {
    acceptors: Vec<u32>,
}

/// `POST /v1/cluster/shrink`.
pub(crate) async fn shrink(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let (body, _permit) = service.admit_with_body(request.into_body()).await?;
    let Shrink { acceptors } = json(&body.bytes)?;
    if acceptors.is_empty() {
        return Err(Problem::BadBody(String::from(
            "acceptors is empty: give the id of at least one that leaves",
        )));
    }
    start(&service, Task::Membership(Membership::Shrink(acceptors))).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    old: u32,
    new: String,
}

/// `POST /v1/cluster/replace`.
pub(crate) async fn replace(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let (body, _permit) = service.admit_with_body(request.into_body()).await?;
    let Replace { old, new } = json(&body.bytes)?;
    check_address(&new)?;
    start(&service, Task::Membership(Membership::Replace { old, new })).await
}

/// `POST /v1/cluster/rescan`.
pub(crate) async fn rescan(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    start(&service, Task::Rescan).await
}

/// `POST /v1/cluster/collect`.
pub(crate) async fn collect(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    start(&service, Task::Collect).await
}

/// `POST /v1/cluster/resume`.
pub(crate) async fn resume(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    start(&service, Task::Membership(Membership::Resume)).await
}

/// `POST /v1/cluster/cancel`. An operation that is running is stopped for it.
pub(crate) async fn cancel(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let _permit = service.admit()?;
    start(&service, Task::Membership(Membership::Cancel)).await
}

async fn start(service: &Service, task: Task) -> Result<Response, Problem> {
    let status =
        service.operations.begin(&service.administration, task, FIRST_STEP_TIMEOUT).await?;
    let mut response = (StatusCode::ACCEPTED, document(&status)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("{OPERATIONS}{}", status.id())) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn document(content: &impl Serialize) -> Response {
    let json = HeaderValue::from_static("application/json");
    // Numbers, strings and lists can always be written.
    let body = serde_json::to_vec(content).unwrap_or_default();
    ([(CONTENT_TYPE, json)], body).into_response()
}
