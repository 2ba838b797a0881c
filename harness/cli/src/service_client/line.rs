//! One connection to a service: a request goes there, and its answer comes back, or it is known
//! whether the request can have been carried out.

use gryadka::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ETAG, HOST, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// How long the store may take, in milliseconds: the service's own header.
const TIMEOUT: &str = "gryadka-timeout-ms";
/// The longest time that the service takes, in milliseconds.
const LONGEST: u128 = 60_000;
/// How much longer than the store may take its answer is waited for: what comes of a call in the
/// last moment is still worth knowing.
const GRACE: Duration = Duration::from_millis(100);

/// What is asked.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) condition: Option<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

/// What is answered, read to its end.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) version: Option<HeaderValue>,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum RequestError {
    /// The service cannot have seen the request.
    NotSent(String),
    /// It can have seen it.
    InDoubt(String),
}

type Sender = SendRequest<Full<Bytes>>;

/// A connection to a service, made when it is needed.
pub(super) struct Line {
    place: Arc<str>,
    /// The connection, unless something is under way on it, or was when it was given up.
    open: Option<Sender>,
}

impl Line {
    /// A line to `host:port`.
    pub(super) const fn to(place: Arc<str>) -> Self {
        Self { place, open: None }
    }

    /// Sends a request at most once, and waits for its answer.
    pub(super) async fn ask(
        &mut self,
        request: Request<'_>,
        until: Instant,
    ) -> Result<Reply, RequestError> {
        let limit = until + GRACE;
        let mut request = self.dressed(request, until)?;
        // A connection that the service has closed meanwhile gives the request back unsent.
        let kept = self.open.take().filter(|sender| !sender.is_closed());
        if let Some(sender) = kept {
            request = match self.exchange(sender, request, limit).await {
                Answered::Well(reply) => return Ok(reply),
                Answered::Unsent(request, _) => request,
                Answered::Doubt(reason) => return Err(RequestError::InDoubt(reason)),
            };
        }
        let sender = self.connect(limit).await.map_err(RequestError::NotSent)?;
        match self.exchange(sender, request, limit).await {
            Answered::Well(reply) => Ok(reply),
            Answered::Unsent(_, reason) => Err(RequestError::NotSent(reason)),
            Answered::Doubt(reason) => Err(RequestError::InDoubt(reason)),
        }
    }

    fn dressed(
        &self,
        request: Request<'_>,
        until: Instant,
    ) -> Result<hyper::Request<Full<Bytes>>, RequestError> {
        let left = until.saturating_duration_since(Instant::now()).as_millis();
        if left == 0 {
            return Err(RequestError::NotSent(String::from(
                "the time was over before it was sent",
            )));
        }
        let mut builder = hyper::Request::builder()
            .method(request.method)
            .uri(request.path)
            .header(HOST, &*self.place)
            .header(TIMEOUT, left.min(LONGEST).to_string());
        if let Some((name, value)) = request.condition {
            builder = builder.header(name, value);
        }
        builder.body(Full::new(request.body)).map_err(|error| RequestError::NotSent(words(&error)))
    }

    async fn connect(&self, limit: Instant) -> Result<Sender, String> {
        let connecting = async {
            let stream = TcpStream::connect(&*self.place).await.map_err(|error| words(&error))?;
            // A request is small, and must not wait for another one.
            stream.set_nodelay(true).map_err(|error| words(&error))?;
            let (sender, connection) =
                handshake(TokioIo::new(stream)).await.map_err(|error| words(&error))?;
            // It ends with its sender. What breaks it is told to whoever waits for an answer.
            drop(tokio::spawn(connection));
            Ok(sender)
        };
        let late = |_| format!("{} takes no connection", self.place);
        timeout_at(limit, connecting).await.map_err(late)?
    }

    async fn exchange(
        &mut self,
        mut sender: Sender,
        request: hyper::Request<Full<Bytes>>,
        limit: Instant,
    ) -> Answered {
        match timeout_at(limit, sender.ready()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Answered::Unsent(request, words(&error)),
            Err(_) => return Answered::Unsent(request, String::from("the connection is stuck")),
        }
        let asking = async {
            let response = sender.try_send_request(request).await.map_err(|mut error| {
                let reason = words(error.error());
                match error.take_message() {
                    Some(request) => Answered::Unsent(request, reason),
                    None => Answered::Doubt(reason),
                }
            })?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| Answered::Doubt(words(&error)))?;
            let version = parts.headers.get(ETAG).cloned();
            Ok(Reply { status: parts.status, version, body: body.to_bytes() })
        };
        match timeout_at(limit, asking).await {
            Ok(Ok(reply)) => {
                self.open = Some(sender);
                Answered::Well(reply)
            }
            Ok(Err(other)) => other,
            Err(_) => Answered::Doubt(String::from("no answer until the deadline")),
        }
    }
}

/// What came of a request on one connection.
enum Answered {
    Well(Reply),
    /// It was not sent, and is given back.
    Unsent(hyper::Request<Full<Bytes>>, String),
    Doubt(String),
}

/// An error with its causes: the outer one alone seldom says what happened.
fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let words = std::iter::once(error).chain(causes).map(ToString::to_string);
    words.collect::<Vec<_>>().join(": ")
}
