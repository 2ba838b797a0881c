//! The resources of the cluster: its state, and the operations that change it.

use super::Service;
use super::problem::Problem;
use super::request::json;
use crate::administration::{Task, check_address};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gryadka::Membership;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits for its operation to do something, or to fail. An acceptor that is to
/// join, and is not there, is known not to be within this time.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the paths of operations begin with; the id follows.
const OPERATIONS: &str = "/v1/cluster/operations/";

/// `GET /v1/cluster`.
pub(crate) async fn state(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    let overview = service.administration.overview().await;
    overview.map(|overview| document(&overview)).map_err(|error| Problem::from(&error))
}

/// `GET /v1/cluster/operations/{id}`.
pub(crate) async fn operation(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
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
    let Grow { acceptors } = json(request.into_body(), service.body_limits()).await?;
    if acceptors.is_empty() {
        return Err(Problem::BadBody(String::from("nobody is named who is to join")));
    }
    acceptors.iter().try_for_each(|it| check_address(it)).map_err(Problem::BadAddress)?;
    start(&service, Task::Membership(Membership::Grow(acceptors))).await
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
    let Shrink { acceptors } = json(request.into_body(), service.body_limits()).await?;
    if acceptors.is_empty() {
        return Err(Problem::BadBody(String::from("nobody is named who is to leave")));
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
    let Replace { old, new } = json(request.into_body(), service.body_limits()).await?;
    check_address(&new).map_err(Problem::BadAddress)?;
    start(&service, Task::Membership(Membership::Replace { old, new })).await
}

/// `POST /v1/cluster/rescan`.
pub(crate) async fn rescan(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    start(&service, Task::Rescan).await
}

/// `POST /v1/cluster/collect`.
pub(crate) async fn collect(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    start(&service, Task::Collect).await
}

/// `POST /v1/cluster/resume`.
pub(crate) async fn resume(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    start(&service, Task::Membership(Membership::Resume)).await
}

/// `POST /v1/cluster/cancel`. Whatever operation is running is stopped for it.
pub(crate) async fn cancel(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    start(&service, Task::Membership(Membership::Cancel)).await
}

async fn start(service: &Service, task: Task) -> Result<Response, Problem> {
    let status = service.operations.begin(&service.administration, task, PATIENCE).await?;
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
