//! What an acceptor can be asked to do, wherever it lives.

use bytes::Bytes;
use caspaxos::{AcceptorIdentity, AcceptorState};
use std::collections::BTreeMap;
use std::future::Future;

/// A register's content as acceptors keep it.
pub type VersionedValue = caspaxos::VersionedValue<Bytes>;
/// What is asked about a register.
pub type Request = caspaxos::Request<VersionedValue>;
/// What is answered about a register.
pub type Reply = caspaxos::Reply<VersionedValue>;

/// The acceptor that a call is meant for, and the epoch of the caller's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// The acceptor that is meant. Any other refuses the call.
    pub identity: AcceptorIdentity,
    /// The epoch of the configuration that the rounds run under. Below 2^53.
    pub epoch: u64,
}

/// One acceptor as seen from a proposer.
///
/// A request reaches the acceptor at most once: an implementation must not send it again by itself
/// unless the acceptor is known not to have looked at it.
///
/// There are no deadlines here: the caller stops waiting by dropping the future, which does not call
/// back what was sent.
pub trait Acceptor: Send + Sync + 'static {
    /// Carries requests about registers in one call, which are executed one after the other with
    /// nothing in between. There is one result for each request, in their order.
    fn call(
        &self,
        head: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> impl Future<Output = Vec<Result<Reply, RequestError>>> + Send;

    /// The same for one request.
    fn ask(
        &self,
        head: Head,
        key: Bytes,
        request: Request,
    ) -> impl Future<Output = Result<Reply, RequestError>> + Send {
        async move {
            let mut replies = self.call(head, vec![(key, request)]).await;
            replies
                .pop()
                .unwrap_or_else(|| Err(RequestError::NoAnswer(String::from("no reply at all"))))
        }
    }

    /// Its state, and its copy of the cluster's configuration.
    fn status(&self) -> impl Future<Output = Result<Status, RequestError>> + Send;

    /// Makes it an acceptor of a cluster. Done again under the same identity it changes nothing.
    ///
    /// It must have been wiped, and `token` be the one that the wipe has left: see [`wipe`](crate::wipe()).
    ///
    /// # Errors
    /// [`RequestError::NotMember`] when it has another identity, [`RequestError::Refused`] when the token
    /// is not there: it was not wiped, or has lost its memory since.
    fn admit(
        &self,
        state: AcceptorState,
        config: Bytes,
        token: u64,
    ) -> impl Future<Output = Result<(), RequestError>> + Send;

    /// Notifies it of an epoch and its configuration. Neither is ever replaced by that of an earlier one.
    ///
    /// # Errors
    /// [`RequestError::NotMember`] when it has not, or no longer, this identity.
    fn set_epoch(
        &self,
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    ) -> impl Future<Output = Result<(), RequestError>> + Send;

    /// Takes its identity away, if it is this one: it votes no more. Its registers stay, and so does its
    /// record of the configuration, by which a process can find the cluster that it has left.
    ///
    /// # Errors
    /// [`RequestError::Fenced`] when it was notified of a later epoch than this one,
    /// [`RequestError::NotMember`] when it has another identity.
    fn retire(
        &self,
        identity: AcceptorIdentity,
        epoch: u64,
    ) -> impl Future<Output = Result<(), RequestError>> + Send;

    /// Erases these registers, and answers how many of them there were.
    ///
    /// # Errors
    /// [`RequestError::NotMember`] when it is an acceptor of a cluster.
    fn erase(&self, keys: Vec<Bytes>) -> impl Future<Output = Result<u64, RequestError>> + Send;

    /// Erases what is left beside the registers, and leaves the token of the wipe.
    ///
    /// # Errors
    /// [`RequestError::NotMember`] when it is an acceptor of a cluster.
    fn finish_wipe(&self, token: u64) -> impl Future<Output = Result<(), RequestError>> + Send;

    /// The keys of registers that it holds, page by page. A key that is there from the first page to
    /// the last is named at least once; some are perhaps named twice, and a page may be empty.
    ///
    /// # Errors
    /// [`RequestError`], always when the cursor was given by an earlier process of the server: then what
    /// was listed before is worth nothing, and the listing must begin again.
    fn list(&self, cursor: Cursor) -> impl Future<Output = Result<Page, RequestError>> + Send;

    /// The tombstone index: the keys of the registers that it holds without a value, page by page, as in
    /// [`Self::list`]: tombstones for the most part, and what reads and refusals leave where there never was
    /// a value. It may be incomplete; what it lacks, a later listing has.
    fn tombstones(&self, cursor: Cursor)
    -> impl Future<Output = Result<Page, RequestError>> + Send;
}

/// What an acceptor reports about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Its identity and the epoch that it was notified of; `None` when it is in no cluster.
    pub state: Option<AcceptorState>,
    /// The configuration of the latest epoch that it was notified of, as [`crate::ClusterConfig`] writes it; empty
    /// when there was none. An acceptor that has left its cluster still has the last one.
    pub config: Bytes,
    /// What its server reports about itself, by the names of Redis' `INFO`, and its settings `appendfsync`,
    /// `no-appendfsync-on-rewrite` and `save`; empty unless it was asked for.
    pub server: BTreeMap<String, String>,
}

/// How far a listing has come. [`Cursor::default`] begins one; others are only good for the acceptor
/// and the listing that they come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor(Bytes);

impl Cursor {
    /// A cursor that means this to the acceptor that gives it.
    #[must_use]
    pub const fn new(meaning: Bytes) -> Self {
        Self(meaning)
    }

    /// What it means; empty at the beginning of a listing.
    #[must_use]
    pub fn meaning(&self) -> &[u8] {
        &self.0
    }
}

/// Some keys of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The keys.
    pub keys: Vec<Bytes>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// No reply will come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no connection, so the request has not reached the server, and never will.
    #[error("no connection: {0}")]
    NotConnected(String),
    /// The server refused to execute the request, and has changed nothing for it.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The connection broke, or the server answered something else than it should. The request
    /// may have been executed.
    #[error("no usable answer: {0}")]
    NoAnswer(String),
    /// The server is not, or no longer, the acceptor that was meant. Nothing has happened.
    #[error("not the acceptor that is meant, or no longer")]
    NotMember,
    /// The acceptor was notified of this later epoch. Nothing has happened.
    #[error("the configuration is outdated: the acceptor is in epoch {epoch}")]
    Fenced {
        /// The acceptor's epoch.
        epoch: u64,
    },
}

impl RequestError {
    /// Whether the acceptor may have executed the request, or may do so later.
    #[must_use]
    pub const fn may_have_executed(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::Refused(_) | Self::NotMember | Self::Fenced { .. } => {
                false
            }
            Self::NoAnswer(_) => true,
        }
    }
}
