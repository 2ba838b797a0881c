//! A workload's calls as requests to a `gryadka serve`, each with the outcome that can be answered for.
//!
//! What depends on the present value is a read, and then a change on the condition that the version
//! is still the one that was read. A condition that is not met has changed nothing, so the call begins
//! again; once a change is in doubt it is not tried again.
//!
//! How a request gets there and back: `service_client/line.rs`.

mod line;
#[cfg(test)]
mod tests;

use crate::gryadka_client::{Told, decode, step};
use gryadka::{Bytes, Decision};
use harness_history::{Function, Outcome};
use hyper::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use hyper::{Method, StatusCode};
use line::{Line, Reply, Request, RequestError};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use workloads::{Answer, Call, Client};

/// A client of one node's service. Values are kept as in `gryadka_client.rs`.
pub(crate) struct ServiceClient {
    place: Arc<str>,
    /// What the names of keys begin with there.
    prefix: Arc<str>,
    deadline: Duration,
    line: Mutex<Line>,
}

/// A clone has a connection of its own.
impl Clone for ServiceClient {
    fn clone(&self) -> Self {
        Self {
            prefix: Arc::clone(&self.prefix),
            ..Self::of(Arc::clone(&self.place), self.deadline)
        }
    }
}

impl ServiceClient {
    /// A client of the service at `http://host:port`.
    pub(crate) fn new(url: &str, deadline: Duration) -> Self {
        let place = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        Self::of(place.into(), deadline)
    }

    /// The same, whose keys have names that begin with this in the store.
    pub(crate) fn below(self, prefix: &str) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    fn of(place: Arc<str>, deadline: Duration) -> Self {
        let line = Mutex::new(Line::to(Arc::clone(&place)));
        Self { line, place, prefix: "".into(), deadline }
    }
}

impl Client for ServiceClient {
    async fn call(&self, call: &Call) -> Answer {
        let until = Instant::now() + self.deadline;
        let mut line = self.line.lock().await;
        let mut talk = Talk { line: &mut line, path: path(&self.prefix, &call.key), until };
        match talk.make(call).await {
            Ok(told) => told.into(),
            Err(Undone { outcome, reason }) => {
                Answer { outcome, value: call.value.clone(), error: Some(reason) }
            }
        }
    }
}

/// The resource of a key. What could mean anything in a path is encoded.
fn path(prefix: &str, key: &str) -> String {
    let encoded = prefix.bytes().chain(key.bytes()).map(|byte| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    format!("/v1/kv/{}", encoded.collect::<String>())
}

/// A call that did not get what it wanted.
#[derive(Debug)]
struct Undone {
    outcome: Outcome,
    reason: String,
}

/// What must be so for a change to happen.
enum If {
    Anything,
    Absent,
    Version(HeaderValue),
}

/// One call under way.
struct Talk<'a> {
    line: &'a mut Line,
    path: String,
    until: Instant,
}

impl Talk<'_> {
    async fn make(&mut self, call: &Call) -> Result<Told, Undone> {
        match call.f {
            Function::Read | Function::Get => {
                let (value, _) = self.read().await?;
                Ok(Told::Done(decode(value.as_ref())))
            }
            Function::Write | Function::Put => {
                let value = &call.value;
                let bytes = (!value.is_null()).then(|| Bytes::from(value.to_string()));
                self.change(bytes, If::Anything).await?;
                Ok(Told::Done(value.clone()))
            }
            Function::Cas | Function::Append | Function::Add => self.update(call).await,
        }
    }

    /// Reads and changes until nobody came between.
    async fn update(&mut self, call: &Call) -> Result<Told, Undone> {
        while Instant::now() < self.until {
            let read = self.read().await;
            // Nothing was to be changed yet.
            let (present, version) =
                read.map_err(|undone| Undone { outcome: Outcome::Fail, ..undone })?;
            match step(call, decode(present.as_ref())) {
                Decision::Keep(told) => return Ok(told),
                Decision::Put(value, told) => {
                    let condition = version.map_or(If::Absent, If::Version);
                    if self.change(value, condition).await? {
                        return Ok(told);
                    }
                }
            }
        }
        Err(Undone { outcome: Outcome::Fail, reason: String::from(CONTENDED) })
    }

    /// The value and its version, if there is one.
    async fn read(&mut self) -> Result<(Option<Bytes>, Option<HeaderValue>), Undone> {
        let reply = self.ask(Method::GET, None, Bytes::new()).await?;
        if reply.status == StatusCode::OK && reply.version.is_some() {
            return Ok((Some(reply.body), reply.version));
        }
        let problem = Problem::of(reply.status, &reply.body);
        if problem.is_absence(reply.status) {
            return Ok((None, None));
        }
        Err(problem.undone(reply.status))
    }

    /// Writes a value, or deletes what is there. False when the condition was not met.
    async fn change(&mut self, value: Option<Bytes>, condition: If) -> Result<bool, Undone> {
        let any = HeaderValue::from_static("*");
        let (absent_is_right, header) = match condition {
            If::Anything => (true, None),
            If::Absent => (true, Some((IF_NONE_MATCH, any))),
            If::Version(version) => (false, Some((IF_MATCH, version))),
        };
        let method = if value.is_some() { Method::PUT } else { Method::DELETE };
        let reply = self.ask(method, header, value.unwrap_or_default()).await?;
        match reply.status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(true),
            StatusCode::PRECONDITION_FAILED => Ok(false),
            status => {
                let problem = Problem::of(status, &reply.body);
                // There is nothing to delete, which is what was wanted, or what had to be ruled out.
                if problem.is_absence(status) {
                    return Ok(absent_is_right);
                }
                Err(problem.undone(status))
            }
        }
    }

    async fn ask(
        &mut self,
        method: Method,
        condition: Option<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<Reply, Undone> {
        let request = Request { method, path: &self.path, condition, body };
        self.line.ask(request, self.until).await.map_err(|lost| match lost {
            RequestError::NotSent(reason) => Undone { outcome: Outcome::Fail, reason },
            RequestError::InDoubt(reason) => Undone { outcome: Outcome::Info, reason },
        })
    }
}

const CONTENDED: &str = "others changed it again and again until the deadline";

/// What a service says when it did not do something.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    error: String,
    #[serde(default)]
    detail: String,
    outcome: Option<String>,
}

impl Problem {
    fn of(status: StatusCode, body: &[u8]) -> Self {
        let unreadable = |_| Self { detail: format!("an answer {status}"), ..Self::default() };
        serde_json::from_slice(body).unwrap_or_else(unreadable)
    }

    fn is_absence(&self, status: StatusCode) -> bool {
        status == StatusCode::NOT_FOUND && self.error == "absent"
    }

    /// A request that the service objects to has not been carried out, and what it calls not applied
    /// neither. Anything else is in doubt.
    fn undone(self, status: StatusCode) -> Undone {
        let refused = status.is_client_error() || self.outcome.as_deref() == Some("not-applied");
        let outcome = if refused { Outcome::Fail } else { Outcome::Info };
        Undone { outcome, reason: self.detail }
    }
}
