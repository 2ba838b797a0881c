//! Whether the process lives, and whether it is ready.

use super::Service;
use super::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use gryadka::{ChangeError, Gryadka};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The key that is read to see whether a quorum answers. It need not have a value.
const PROBE: &[u8] = b"gryadka/readyz";
/// How long a quorum may take.
const QUORUM_TIMEOUT: Duration = Duration::from_secs(1);

/// `GET /healthz`: answered as long as the process can.
pub(crate) async fn healthy() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /readyz`: 204 when a quorum answers. A service that has as many requests in progress as it may
/// have can take no more, and answers so at once.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Result<StatusCode, Problem> {
    if service.admission.available_permits() == 0 {
        return Err(Problem::Overloaded);
    }
    quorum_answers(&service.gryadka, Instant::now() + QUORUM_TIMEOUT).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn quorum_answers(store: &Gryadka, deadline: Instant) -> Result<(), ChangeError> {
    store.get(PROBE, deadline).await.map(drop)
}
