//! How a request gets to a Toxiproxy, and what is made of its answer.

use crate::wire::WireError;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// How long a Toxiproxy may take for an answer.
pub const TIME_OUT: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// What a Toxiproxy was asked, as an error tells it: `POST http://127.0.0.1:8474/proxies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(String);

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What went wrong between here and a Toxiproxy.
#[derive(Debug, thiserror::Error)]
pub enum ToxiproxyError {
    /// The address cannot be one.
    #[error("{url} is no address of a Toxiproxy: http://host:port is wanted")]
    Url {
        /// What was given.
        url: String,
    },
    /// There was no answer.
    #[error("{asked}: no answer; is a Toxiproxy listening there?")]
    NoAnswer {
        /// What was asked.
        asked: Asked,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer did not come in time.
    #[error("{asked}: no answer within {TIME_OUT:?}")]
    TooSlow {
        /// What was asked.
        asked: Asked,
    },
    /// The answer has another status than what was asked for would have.
    #[error("{asked}: {status}, {said}")]
    Refused {
        /// What was asked.
        asked: Asked,
        /// The answer's status.
        status: u16,
        /// Why, in the server's own words.
        said: String,
    },
    /// The answer cannot be understood.
    #[error("{asked}: this is not how a Toxiproxy answers")]
    Answer {
        /// What was asked.
        asked: Asked,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The answer has a toxic that cannot be understood.
    #[error("{asked}: the toxic {name} of type {kind} is not known here")]
    Toxic {
        /// What was asked.
        asked: Asked,
        /// The toxic's name.
        name: String,
        /// Its type.
        kind: String,
        /// What is wrong with it.
        source: WireError,
    },
    /// It did something else.
    #[error("{asked}: asked for {wanted}, and got {got}")]
    Different {
        /// What was asked.
        asked: Asked,
        /// What it was to do.
        wanted: String,
        /// What it did.
        got: String,
    },
}

impl ToxiproxyError {
    /// Whether the Toxiproxy said that there is no such proxy or toxic.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// Something to ask for.
#[derive(Debug, Clone)]
pub(super) struct Route {
    method: Method,
    path: String,
    /// The status of an answer that grants it.
    granted: StatusCode,
}

impl Route {
    pub(super) fn new(method: Method, segments: &[&str], granted: StatusCode) -> Self {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            encode(segment, &mut path);
        }
        Self { method, path, granted }
    }
}

/// Writes a segment of a path, with everything encoded that could be taken for something else.
fn encode(segment: &str, path: &mut String) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else if write!(path, "%{byte:02X}").is_err() {
            // A string takes anything, so this never happens.
            return;
        }
    }
}

/// A server, and the means to ask it.
#[derive(Debug, Clone)]
pub(super) struct Http {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// How a refusal is written.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Http {
    pub(super) fn at(url: &str) -> Result<Self, ToxiproxyError> {
        let wrong = || ToxiproxyError::Url { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
        if !plain || uri.host().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        // A connection that is kept may be dead when it is used next: faults befall servers here.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(HttpConnector::new());
        Ok(Self { url: url.trim_end_matches('/').to_owned(), client })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What was asked, for an error.
    pub(super) fn asked(&self, route: &Route) -> Asked {
        Asked(format!("{} {}{}", route.method, self.url, route.path))
    }

    /// Asks for something that has no answer but its status.
    pub(super) async fn tell(
        &self,
        route: Route,
        body: Option<Value>,
    ) -> Result<(), ToxiproxyError> {
        self.ask(&route, body).await.map(drop)
    }

    /// Asks for a document.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        route: Route,
        body: Option<Value>,
    ) -> Result<T, ToxiproxyError> {
        let answer = self.ask(&route, body).await?;
        serde_json::from_slice(&answer)
            .map_err(|source| ToxiproxyError::Answer { asked: self.asked(&route), source })
    }

    /// Asks for text.
    pub(super) async fn text(&self, route: Route) -> Result<String, ToxiproxyError> {
        let answer = self.ask(&route, None).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn ask(&self, route: &Route, body: Option<Value>) -> Result<Bytes, ToxiproxyError> {
        let no_answer = |source| ToxiproxyError::NoAnswer { asked: self.asked(route), source };
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let request = Request::builder()
            .method(&route.method)
            .uri(format!("{}{}", self.url, route.path))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| no_answer(error.into()))?;
        let exchange = async {
            let answer = self.client.request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((status, body.to_bytes()))
        };
        let Ok(answered) = tokio::time::timeout(TIME_OUT, exchange).await else {
            return Err(ToxiproxyError::TooSlow { asked: self.asked(route) });
        };
        let (status, answer) = answered.map_err(no_answer)?;
        if status == route.granted {
            return Ok(answer);
        }
        let refusal = serde_json::from_slice(&answer).map(|Refusal { error }| error);
        let said = refusal.unwrap_or_else(|_| String::from_utf8_lossy(&answer).trim().to_owned());
        Err(ToxiproxyError::Refused { asked: self.asked(route), status: status.as_u16(), said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_host_and_port_and_nothing_else() {
        for url in ["http://127.0.0.1:8474", "http://toxiproxy:8474/", "http://[::1]:1"] {
            assert_eq!(Http::at(url).unwrap().url(), url.trim_end_matches('/'));
        }
        for url in ["", "127.0.0.1:8474", "https://host:1", "http://host:1/proxies", "http://"] {
            assert!(matches!(Http::at(url), Err(ToxiproxyError::Url { .. })), "{url}");
        }
    }

    #[test]
    fn names_of_proxies_cannot_leave_their_place_in_the_path() {
        let route = Route::new(Method::GET, &["proxies", "a/b?c d%"], StatusCode::OK);
        assert_eq!(route.path, "/proxies/a%2Fb%3Fc%20d%25");
    }
}
