//! Telling a Toxiproxy what to do: theirs, or ours.
//!
//! | question | file |
//! |---|---|
//! | what can it be told? | here |
//! | how does a request get there, and what is made of the answer? | `client/http.rs` |
//! | how are its metrics read? | `client/metrics.rs` |

mod http;
mod metrics;

pub use http::{Asked, TIME_OUT, ToxiproxyError};
pub use metrics::{Carried, ProxyBytes};

use crate::wire::{
    ProxyDocument, ProxySettings, ProxyState, ToxicDocument, WireError, WrittenProxy, WrittenToxic,
};
use crate::{OURS, Toxic};
use http::{Http, Route};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Toxiproxy, over its HTTP interface. Every call is a connection of its own and ends within
/// [`TIME_OUT`]; what it answers is checked against what was asked for.
#[derive(Debug, Clone)]
pub struct Toxiproxy {
    http: Arc<Http>,
}

/// What a Toxiproxy calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// As it says it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is ours, which knows toxics of its own.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.0.ends_with(OURS)
    }
}

#[derive(Deserialize)]
struct VersionDocument {
    version: String,
}

#[derive(Deserialize)]
struct Populated {
    proxies: Option<Vec<WrittenProxy>>,
}

impl Toxiproxy {
    /// The one at `url`, such as `http://127.0.0.1:8474`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`ToxiproxyError::Url`] when that is no such address.
    pub fn at(url: &str) -> Result<Self, ToxiproxyError> {
        Ok(Self { http: Arc::new(Http::at(url)?) })
    }

    /// Where it is, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.http.url()
    }

    /// What it calls itself.
    ///
    /// # Errors
    /// [`ToxiproxyError`], as for every call below.
    pub async fn version(&self) -> Result<Version, ToxiproxyError> {
        let route = Route::new(Method::GET, &["version"], StatusCode::OK);
        let document: VersionDocument = self.http.read(route, None).await?;
        Ok(Version(document.version))
    }

    /// All proxies, by name.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn proxies(&self) -> Result<BTreeMap<String, ProxyState>, ToxiproxyError> {
        let route = Route::new(Method::GET, &["proxies"], StatusCode::OK);
        let documents: BTreeMap<String, WrittenProxy> = self.http.read(route.clone(), None).await?;
        let proxies = documents.into_values().map(|proxy| self.proxy_of(&route, proxy));
        proxies.map(|proxy| proxy.map(|proxy| (proxy.name.clone(), proxy))).collect()
    }

    /// One proxy.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn proxy(&self, name: &str) -> Result<ProxyState, ToxiproxyError> {
        self.proxy_at(Route::new(Method::GET, &["proxies", name], StatusCode::OK), None).await
    }

    /// Makes a proxy, and gives it as it is now, with the port that it got.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn create(&self, proxy: &ProxySettings) -> Result<ProxyState, ToxiproxyError> {
        let route = Route::new(Method::POST, &["proxies"], StatusCode::CREATED);
        let body = json!(ProxyDocument::from(proxy));
        let made = self.proxy_at(route.clone(), Some(body)).await?;
        let same = (&made.name, &made.upstream, made.enabled);
        let same = same == (&proxy.name, &proxy.upstream, proxy.enabled) && has(&made, proxy);
        self.same(&route, same, &made, proxy)?;
        Ok(made)
    }

    /// Ends a proxy and all its connections.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn delete(&self, proxy: &str) -> Result<(), ToxiproxyError> {
        let route = Route::new(Method::DELETE, &["proxies", proxy], StatusCode::NO_CONTENT);
        self.http.tell(route, None).await
    }

    /// Lets a proxy accept connections again.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn enable(&self, proxy: &str) -> Result<ProxyState, ToxiproxyError> {
        self.set_enabled(proxy, true).await
    }

    /// Has a proxy end its connections, and refuse new ones.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn disable(&self, proxy: &str) -> Result<ProxyState, ToxiproxyError> {
        self.set_enabled(proxy, false).await
    }

    async fn set_enabled(&self, proxy: &str, enabled: bool) -> Result<ProxyState, ToxiproxyError> {
        // Older ones know no PATCH.
        let route = Route::new(Method::POST, &["proxies", proxy], StatusCode::OK);
        let state = self.proxy_at(route.clone(), Some(json!({"enabled": enabled}))).await?;
        self.same(&route, state.enabled == enabled, &state.enabled, &enabled)?;
        Ok(state)
    }

    /// What is wrong with a proxy.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn toxics(&self, proxy: &str) -> Result<Vec<Toxic>, ToxiproxyError> {
        let route = Route::new(Method::GET, &["proxies", proxy, "toxics"], StatusCode::OK);
        let documents: Vec<WrittenToxic> = self.http.read(route.clone(), None).await?;
        documents.into_iter().map(|toxic| self.toxic_of(&route, toxic)).collect()
    }

    /// One toxic.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn toxic(&self, proxy: &str, name: &str) -> Result<Toxic, ToxiproxyError> {
        let route = Route::new(Method::GET, &["proxies", proxy, "toxics", name], StatusCode::OK);
        let document = self.http.read(route.clone(), None).await?;
        self.toxic_of(&route, document)
    }

    /// Adds a toxic. Times are carried in milliseconds (the slicer's pause in microseconds),
    /// probabilities in thousandths; what is finer is lost, and the answer is what is left.
    ///
    /// # Errors
    /// [`ToxiproxyError`]; [`ToxiproxyError::Different`] when it was not taken as it was given.
    pub async fn add_toxic(&self, proxy: &str, toxic: &Toxic) -> Result<Toxic, ToxiproxyError> {
        let route = Route::new(Method::POST, &["proxies", proxy, "toxics"], StatusCode::OK);
        self.put_toxic(route, toxic).await
    }

    /// Replaces what the toxic of this name does, and how often. Its direction and the type of its
    /// effect cannot change.
    ///
    /// # Errors
    /// As [`Self::add_toxic`].
    pub async fn update_toxic(&self, proxy: &str, toxic: &Toxic) -> Result<Toxic, ToxiproxyError> {
        let path = ["proxies", proxy, "toxics", &toxic.name];
        self.put_toxic(Route::new(Method::POST, &path, StatusCode::OK), toxic).await
    }

    async fn put_toxic(&self, route: Route, toxic: &Toxic) -> Result<Toxic, ToxiproxyError> {
        let wanted = json!(ToxicDocument::from(toxic));
        let document = self.http.read(route.clone(), Some(wanted.clone())).await?;
        let taken = self.toxic_of(&route, document)?;
        let got = json!(ToxicDocument::from(&taken));
        self.same(&route, alike(&got, &wanted), &got, &wanted)?;
        Ok(taken)
    }

    /// Removes a toxic.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn remove_toxic(&self, proxy: &str, name: &str) -> Result<(), ToxiproxyError> {
        let path = ["proxies", proxy, "toxics", name];
        self.http.tell(Route::new(Method::DELETE, &path, StatusCode::NO_CONTENT), None).await
    }

    /// Enables all proxies and removes all toxics.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn reset(&self) -> Result<(), ToxiproxyError> {
        self.http.tell(Route::new(Method::POST, &["reset"], StatusCode::NO_CONTENT), None).await
    }

    /// Makes all these proxies; one that is there already, and leads from the same place to the same
    /// place, is left as it is.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn populate(
        &self,
        proxies: &[ProxySettings],
    ) -> Result<Vec<ProxyState>, ToxiproxyError> {
        let route = Route::new(Method::POST, &["populate"], StatusCode::CREATED);
        let body: Vec<_> = proxies.iter().map(ProxyDocument::from).collect();
        let populated: Populated = self.http.read(route.clone(), Some(json!(body))).await?;
        let made = populated.proxies.unwrap_or_default().into_iter();
        let made: Result<Vec<_>, _> = made.map(|proxy| self.proxy_of(&route, proxy)).collect();
        let made = made?;
        let same = made.len() == proxies.len()
            && made
                .iter()
                .zip(proxies)
                .all(|(made, proxy)| made.name == proxy.name && has(made, proxy));
        self.same(&route, same, &made, &proxies)?;
        Ok(made)
    }

    /// The bytes that every proxy has received and sent, by name, and the messages that it lost or left
    /// out, if it is ours. A genuine Toxiproxy tells them only
    /// if it was started with `-proxy-metrics`, and of a proxy only once something has passed.
    ///
    /// # Errors
    /// [`ToxiproxyError`].
    pub async fn bytes(&self) -> Result<BTreeMap<String, ProxyBytes>, ToxiproxyError> {
        let route = Route::new(Method::GET, &["metrics"], StatusCode::OK);
        Ok(metrics::bytes(&self.http.text(route).await?))
    }

    async fn proxy_at(
        &self,
        route: Route,
        body: Option<Value>,
    ) -> Result<ProxyState, ToxiproxyError> {
        let document = self.http.read(route.clone(), body).await?;
        self.proxy_of(&route, document)
    }

    fn proxy_of(&self, route: &Route, proxy: WrittenProxy) -> Result<ProxyState, ToxiproxyError> {
        let toxics = proxy.toxics.unwrap_or_default().into_iter();
        Ok(ProxyState {
            name: proxy.name.unwrap_or_default(),
            listen: proxy.listen.unwrap_or_default(),
            upstream: proxy.upstream.unwrap_or_default(),
            enabled: proxy.enabled.unwrap_or_default(),
            toxics: toxics.map(|toxic| self.toxic_of(route, toxic)).collect::<Result<_, _>>()?,
        })
    }

    fn toxic_of(&self, route: &Route, toxic: WrittenToxic) -> Result<Toxic, ToxiproxyError> {
        let kind = toxic.r#type.clone().unwrap_or_default();
        let name = toxic.name.clone().unwrap_or_default();
        Toxic::try_from(toxic).map_err(|source: WireError| ToxiproxyError::Toxic {
            asked: self.http.asked(route),
            name,
            kind,
            source,
        })
    }

    /// Whether it did what it was asked.
    fn same(
        &self,
        route: &Route,
        same: bool,
        got: &impl std::fmt::Debug,
        wanted: &impl std::fmt::Debug,
    ) -> Result<(), ToxiproxyError> {
        if same {
            return Ok(());
        }
        Err(ToxiproxyError::Different {
            asked: self.http.asked(route),
            wanted: format!("{wanted:?}"),
            got: format!("{got:?}"),
        })
    }
}

/// Whether it has all toxics that it was to have.
fn has(made: &ProxyState, wanted: &ProxySettings) -> bool {
    let documents: Vec<_> =
        made.toxics.iter().map(|toxic| json!(ToxicDocument::from(toxic))).collect();
    wanted.toxics.iter().all(|toxic| {
        let wanted = json!(ToxicDocument::from(toxic));
        documents.iter().any(|got| alike(got, &wanted))
    })
}

/// The same toxic, but for the last digits of its toxicity: Toxiproxy has them in single precision.
fn alike(got: &Value, wanted: &Value) -> bool {
    let toxicity = |toxic: &Value| toxic["toxicity"].as_f64().unwrap_or(-1.0);
    let mut rounded = got.clone();
    if (toxicity(got) - toxicity(wanted)).abs() < 1e-6 {
        rounded["toxicity"] = wanted["toxicity"].clone();
    }
    rounded == *wanted
}
