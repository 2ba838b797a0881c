//! What the store needs of an acceptor, wherever it lives.

use bytes::Bytes;
use caspaxos::{Reply, Request};
use std::future::Future;

/// One acceptor as seen from a proposer.
///
/// A request reaches the acceptor at most once: an implementation must not send it again by itself
/// unless the acceptor is known not to have looked at it.
pub trait Acceptor: Send + Sync + 'static {
    /// Carries one request about one register, and its reply. There is no deadline here: the
    /// caller stops waiting when its own has come, by dropping the future.
    fn call(
        &self,
        key: Bytes,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Reply<Bytes>, Lost>> + Send;
}

/// No reply will come.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// There is no connection, so the request was not, and will not be, delivered.
    #[error("no connection: {0}")]
    NotConnected(String),
    /// The server refused to execute the request, and said so before it looked at any register.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The connection broke, or the server answered something else than it should. The request
    /// may have been executed.
    #[error("no usable answer: {0}")]
    NoAnswer(String),
}

impl Lost {
    /// Whether the acceptor may have executed the request, or may do so later.
    #[must_use]
    pub const fn delivered(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::Refused(_) => false,
            Self::NoAnswer(_) => true,
        }
    }
}
