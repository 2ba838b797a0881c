//! The resources of the cluster: its state, and the operations that change it.

use super::Service;
use super::problem::Problem;
use super::request::json;
use crate::administration::Task;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long an acceptor may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the paths of operations begin with; the id follows.
const OPERATIONS: &str = "/v1/cluster/operations/";

/// `GET /v1/cluster`.
pub(crate) async fn state(State(service): State<Arc<Service>>) -> Response {
    document(&service.administration.cluster(PATIENCE).await)
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
    acceptor: String,
}

/// `POST /v1/cluster/grow`.
pub(crate) async fn grow(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let Grow { acceptor } = json(request.into_body(), service.body_limits()).await?;
    start(&service, Task::Grow { acceptor: address(acceptor)? })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shrink {
    acceptor: u32,
}

/// `POST /v1/cluster/shrink`.
pub(crate) async fn shrink(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let Shrink { acceptor } = json(request.into_body(), service.body_limits()).await?;
    start(&service, Task::Shrink { acceptor })
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
    start(&service, Task::Replace { old, new: address(new)? })
}

/// `POST /v1/cluster/rescan`.
pub(crate) async fn rescan(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    start(&service, Task::Rescan)
}

/// `POST /v1/cluster/collect`.
pub(crate) async fn collect(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    start(&service, Task::Collect)
}

fn address(url: String) -> Result<String, Problem> {
    if SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(url);
    }
    Err(Problem::BadBody(String::from(
        "an acceptor's address is redis://[user:password@]host:port",
    )))
}

const SCHEMES: [&str; 3] = ["redis://", "rediss://", "native://"];

fn start(service: &Service, task: Task) -> Result<Response, Problem> {
    let status = service
        .operations
        .start(&service.administration, task)
        .map_err(|busy| Problem::OperationRunning { id: busy.id })?;
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
