//! Which resource is served by which function, and through which layers.

use super::problem::Problem;
use super::{Service, access, cluster, kv, leftover, metrics, openapi, probes};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

type Resource = (&'static str, MethodRouter<Arc<Service>>);

/// Open to every client.
fn open() -> [Resource; 4] {
    [
        ("/healthz", get(probes::healthy)),
        ("/readyz", get(probes::ready)),
        ("/metrics", get(metrics::metrics)),
        ("/openapi.json", get(openapi::document)),
    ]
}

/// Behind the token, if the service has one.
fn guarded() -> [Resource; 5] {
    [
        ("/v1/kv/{key}", get(kv::read).put(kv::write).delete(kv::remove)),
        ("/v1/kv/{key}/increment", post(kv::increment)),
        ("/v1/kv/{key}/append", post(kv::append)),
        ("/v1/cluster", get(cluster::state)),
        ("/v1/cluster/operations/{id}", get(cluster::operation)),
    ]
}

/// Behind the administrator's token.
fn administrative() -> [Resource; 7] {
    [
        ("/v1/cluster/grow", post(cluster::grow)),
        ("/v1/cluster/shrink", post(cluster::shrink)),
        ("/v1/cluster/replace", post(cluster::replace)),
        ("/v1/cluster/rescan", post(cluster::rescan)),
        ("/v1/cluster/collect", post(cluster::collect)),
        ("/v1/cluster/resume", post(cluster::resume)),
        ("/v1/cluster/cancel", post(cluster::cancel)),
    ]
}

/// Paths whose key is empty: they name no resource, and get an error of their own.
const EMPTY_KEYS: [&str; 3] = ["/v1/kv/", "/v1/kv//increment", "/v1/kv//append"];

fn table(resources: impl IntoIterator<Item = Resource>) -> Router<Arc<Service>> {
    resources
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
}

/// The whole service.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let state = || Arc::clone(service);
    let client = from_fn_with_state(state(), access::client);
    let admin = from_fn_with_state(state(), access::admin);
    let observe = from_fn_with_state(state(), metrics::observe);
    let empty = EMPTY_KEYS.into_iter().fold(Router::new(), |router, path| {
        router.route(path, axum::routing::any(async || Problem::EmptyKey))
    });
    table(guarded())
        .merge(empty)
        .layer(client)
        .merge(table(administrative()).layer(admin))
        .merge(table(open()))
        .fallback(async || Problem::NoRoute)
        .layer(from_fn(leftover::clear))
        .layer(observe)
        .with_state(state())
}
