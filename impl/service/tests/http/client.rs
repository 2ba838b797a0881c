//! A plain HTTP client over one connection, which checks every answer against the service's own
//! description.

use crate::description::Description;
use gryadka::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::http::HeaderMap;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

static DESCRIPTION: LazyLock<Description> = LazyLock::new(Description::load);

/// How the connection is made.
#[derive(Clone)]
pub(crate) enum Security {
    None,
    /// TLS, trusting what this configuration trusts.
    Tls(Arc<ClientConfig>),
}

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, security: &Security) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        match security {
            Security::None => Self::speak(stream).await,
            Security::Tls(config) => {
                let connector = TlsConnector::from(config.clone());
                let name = "localhost".try_into().unwrap();
                Self::speak(connector.connect(name, stream).await.unwrap()).await
            }
        }
    }

    async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        Self { sender }
    }

    /// Sends a request and checks that its answer is one of those described.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sender.ready().await.unwrap();
        let request = request.body(Full::new(body.into())).unwrap();
        let answer = self.sender.send_request(request).await.unwrap();
        let answer = Answer::of(answer).await;
        let described = DESCRIPTION.allows(method, path, answer.status);
        assert!(described, "{method} {path} answered {}: not described", answer.status);
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn put(&mut self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send("PUT", path, &[], body).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send("POST", path, &[], body).await
    }

    pub(crate) async fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "").await
    }
}

impl Answer {
    async fn of(response: Response<hyper::body::Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn etag(&self) -> &str {
        self.header("etag").unwrap()
    }

    /// A problem, as JSON.
    pub(crate) fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let document: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(document["status"], self.status);
        document
    }

    /// The machine-readable word of a problem.
    pub(crate) fn error(&self) -> String {
        self.problem()["error"].as_str().unwrap().to_owned()
    }
}
