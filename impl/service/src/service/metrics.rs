//! What is counted, and how Prometheus reads it.

use super::Service;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gryadka::ChangeError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument as _;

/// The upper bounds of the histogram of latencies, in seconds.
const BOUNDS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resource {
    route: String,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The counters of one service.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answer, Counter>,
    latency: Family<Resource, Histogram, fn() -> Histogram>,
    changes: Family<Outcome, Counter>,
    in_flight: Gauge,
}

/// How a call of the store ended.
pub(crate) const fn outcome<T>(answer: &Result<T, ChangeError>) -> &'static str {
    match answer {
        Ok(_) => "committed",
        Err(ChangeError::NotApplied(_) | ChangeError::TooLong(_)) => "not-applied",
        Err(ChangeError::Unknown(_)) => "unknown",
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("gryadka");
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let latency = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> _);
        let help = "From the end of a request's headers to its answer";
        registry.register_with_unit("http_latency", help, Unit::Seconds, latency.clone());
        let changes = Family::default();
        registry.register("changes", "Calls of the store, by how they ended", changes.clone());
        let in_flight = Gauge::default();
        registry.register(
            "http_in_flight",
            "Requests in progress, including those whose bodies are arriving",
            in_flight.clone(),
        );
        Self { registry, requests, latency, changes, in_flight }
    }

    /// Counts a call of the store.
    pub(crate) fn change(&self, outcome: &'static str) {
        self.changes.get_or_create(&Outcome { outcome }).inc();
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let mut text = String::new();
    // Writing to a string never fails.
    if encode(&mut text, &service.metrics.registry).is_err() {
        text.clear();
    }
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, format)], text).into_response()
}

/// Counts and logs a request.
pub(crate) async fn observe(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or("other", MatchedPath::as_str).to_owned();
    let method = method(request.method());
    let span = tracing::debug_span!("request", method, route);
    let metrics = &service.metrics;
    let guard = InFlight::enter(&metrics.in_flight);
    let began = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let (latency, status) = (began.elapsed(), response.status().as_u16());
    drop(guard);
    span.in_scope(|| tracing::debug!(status, ?latency, "answered"));
    let resource = Resource { route, method };
    metrics.latency.get_or_create(&resource).observe(latency.as_secs_f64());
    let Resource { route, method } = resource;
    metrics.requests.get_or_create(&Answer { route, method, status }).inc();
    response
}

/// Clients can invent methods; each would make a time series of its own.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// The future of a request whose client goes away is dropped; the gauge must go down then, too.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn enter(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
