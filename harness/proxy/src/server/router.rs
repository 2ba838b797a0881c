//! Which request is answered by what: Toxiproxy's routes, statuses and shapes.

use super::Refusal;
use super::config::{check_fields, settings, settings_of_all};
use super::metrics;
use super::overlooked::{self, tell};
use super::registry::{Change, Populated, Registry};
use super::request_id::RequestIds;
use crate::wire::{
    ProxyDocument, ProxyState, ToxicDocument, WrittenProxy, WrittenToxic, first_document, kind,
};
use crate::{OURS, Toxic};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest body of a request, in bytes.
const BODY_MAX: usize = 1024 * 1024;

type Shared = State<Arc<Registry>>;
type Answer = Result<Response, Refusal>;

/// What a populate came to: the proxies that are as wanted, and what stopped it.
#[derive(Serialize)]
struct PopulatedDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    proxies: Vec<ProxyDocument<'a>>,
}

/// Everything that can be asked.
pub(super) fn router(registry: Arc<Registry>) -> Router {
    let proxy = get(show_proxy).post(change_proxy).patch(change_proxy).delete(delete_proxy);
    let toxic = get(show_toxic).post(update_toxic).patch(update_toxic).delete(remove_toxic);
    let ids = Arc::new(RequestIds::new());
    Router::new()
        .route("/reset", post(reset))
        .route("/populate", post(populate))
        .route("/proxies", get(list_proxies).post(create_proxy))
        .route("/proxies/{proxy}", proxy)
        .route("/proxies/{proxy}/toxics", get(list_toxics).post(add_toxic))
        .route("/proxies/{proxy}/toxics/{toxic}", toxic)
        .route("/version", get(version))
        .route("/metrics", get(show_metrics))
        .fallback(async || (StatusCode::NOT_FOUND, "404 page not found\n"))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn(no_browsers))
        .layer(from_fn(move |request: Request, next: Next| {
            let ids = Arc::clone(&ids);
            async move { ids.answer(request, next).await }
        }))
        .with_state(registry)
}

/// A page that a browser shows must not reach what listens on its machine.
async fn no_browsers(request: Request, next: Next) -> Response {
    let agent = request.headers().get(USER_AGENT);
    if agent.is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/")) {
        return (StatusCode::FORBIDDEN, "User agent not allowed\n").into_response();
    }
    next.run(request).await
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status());
        let body = Json(json!({"error": self.to_string(), "status": self.status()}));
        (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response()
    }
}

/// Reads a body that is an object.
fn read_object<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Refusal::BadBody(String::from("it is no JSON object")));
    }
    read(body)
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let empty = || Refusal::BadBody(String::from("it is empty"));
    Ok(first_document(body).ok_or_else(empty)??)
}

fn answer_proxy(status: StatusCode, proxy: &ProxyState) -> Answer {
    Ok((status, Json(ProxyDocument::from(proxy))).into_response())
}

fn answer_toxic(toxic: &Toxic) -> Answer {
    Ok(Json(ToxicDocument::from(toxic)).into_response())
}

async fn reset(State(registry): Shared) -> Answer {
    registry.reset().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn populate(State(registry): Shared, body: Bytes) -> Response {
    let understood = read::<Vec<WrittenProxy>>(&body).and_then(settings_of_all);
    let populated = match understood {
        Ok(all) => registry.populate(&all).await,
        Err(refusal) => Populated { refusal: Some(refusal), ..Populated::default() },
    };
    let status = populated.refusal.as_ref().map(Refusal::status);
    let document = PopulatedDocument {
        error: populated.refusal.as_ref().map(ToString::to_string),
        status,
        proxies: populated.states.iter().map(ProxyDocument::from).collect(),
    };
    let status = status.map_or(Ok(StatusCode::CREATED), StatusCode::from_u16);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    tell(&populated.overlooked, (status, Json(document)).into_response())
}

async fn list_proxies(State(registry): Shared) -> Response {
    let states = registry.states().await;
    let documents = states.iter().map(|proxy| (&proxy.name, ProxyDocument::from(proxy)));
    Json(documents.collect::<BTreeMap<_, _>>()).into_response()
}

async fn create_proxy(State(registry): Shared, body: Bytes) -> Answer {
    let settings = settings(read_object(&body)?, "")?;
    answer_proxy(StatusCode::CREATED, &registry.create(&settings).await?)
}

async fn show_proxy(State(registry): Shared, Path(proxy): Path<String>) -> Answer {
    answer_proxy(StatusCode::OK, &registry.state(&proxy).await?)
}

async fn change_proxy(State(registry): Shared, Path(proxy): Path<String>, body: Bytes) -> Answer {
    registry.state(&proxy).await?;
    let written: WrittenProxy = read_object(&body)?;
    check_fields(&written, "")?;
    let WrittenProxy { name, listen, upstream, enabled, toxics, .. } = written;
    let change = Change { listen, upstream, enabled };
    let state = registry.change(&proxy, &change).await?;
    let overlooked = overlooked::of_proxy(name, toxics, &state);
    Ok(tell(&overlooked, answer_proxy(StatusCode::OK, &state)?))
}

async fn delete_proxy(State(registry): Shared, Path(proxy): Path<String>) -> Answer {
    registry.delete(&proxy).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn list_toxics(State(registry): Shared, Path(proxy): Path<String>) -> Answer {
    let toxics = registry.toxics(&proxy).await?;
    let documents: Vec<_> = toxics.iter().map(ToxicDocument::from).collect();
    Ok(Json(documents).into_response())
}

async fn add_toxic(State(registry): Shared, Path(proxy): Path<String>, body: Bytes) -> Answer {
    registry.state(&proxy).await?;
    let toxic: WrittenToxic = read_object(&body)?;
    toxic.check(None)?;
    let toxic = Toxic::try_from(toxic)?;
    answer_toxic(&registry.add(&proxy, toxic).await?)
}

async fn show_toxic(
    State(registry): Shared,
    Path((proxy, toxic)): Path<(String, String)>,
) -> Answer {
    answer_toxic(&registry.toxic(&proxy, &toxic).await?)
}

async fn update_toxic(
    State(registry): Shared,
    Path((proxy, toxic)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let before = registry.toxic(&proxy, &toxic).await?;
    let update: WrittenToxic = read_object(&body)?;
    let overlooked = overlooked::of_toxic(&update, &before, kind(&before));
    let after = registry.update(&proxy, &toxic, update).await?;
    Ok(tell(&overlooked, answer_toxic(&after)?))
}

async fn remove_toxic(
    State(registry): Shared,
    Path((proxy, toxic)): Path<(String, String)>,
) -> Answer {
    registry.remove(&proxy, &toxic).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn version() -> Response {
    Json(json!({"version": format!("{}{OURS}", env!("CARGO_PKG_VERSION"))})).into_response()
}

async fn show_metrics(State(registry): Shared) -> Response {
    let text = metrics::text(&registry.crossed().await);
    ([(CONTENT_TYPE, metrics::FORMAT)], text).into_response()
}
