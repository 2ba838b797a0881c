//! The description of the service, for people and programs.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// Written by hand; the tests hold it against the routes and against every answer they get.
pub(crate) const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`.
pub(crate) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
