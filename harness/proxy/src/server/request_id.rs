//! A name for every request, by which an answer is found in the log.

use axum::extract::Request;
use axum::http::header::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

/// As Toxiproxy calls it.
const HEADER: HeaderName = HeaderName::from_static("x-toxiproxy-request-id");

/// The names that are given out: 20 letters and digits, as Toxiproxy's are, made of the time at
/// which the server began, and of a number.
#[derive(Debug)]
pub(super) struct RequestIds {
    began_ms: u128,
    given: AtomicU64,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { began_ms: began.as_millis(), given: AtomicU64::new(0) }
    }

    /// The next name.
    fn next(&self) -> String {
        format!("{:012x}{:08x}", self.began_ms, self.given.fetch_add(1, Relaxed))
    }

    /// Has a request answered, with a name.
    pub(super) async fn answer(&self, request: Request, next: Next) -> Response {
        let id = self.next();
        tracing::debug!(id, method = %request.method(), path = request.uri().path(), "asked");
        let mut answer = next.run(request).await;
        tracing::debug!(id, status = answer.status().as_u16(), "answered");
        if let Ok(id) = HeaderValue::try_from(id) {
            answer.headers_mut().insert(HEADER, id);
        }
        answer
    }
}
