//! Whether the process lives, and whether it is of use.

use super::Service;
use super::key::CONFIGURATION;
use super::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use gryadka::{ChangeError, Gryadka};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a quorum may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// `GET /healthz`: answered as long as the process can.
pub(crate) async fn healthy() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /readyz`: answered well when a quorum answers.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Result<StatusCode, Problem> {
    quorum_answers(&service.gryadka, Instant::now() + PATIENCE).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn quorum_answers(store: &Gryadka, deadline: Instant) -> Result<(), ChangeError> {
    store.get(CONFIGURATION, deadline).await.map(drop)
}
