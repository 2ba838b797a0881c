//! The store as the benchmark calls it: the only file that knows its interface and its bytes.

use crate::BenchError;
use crate::slice::Outcome;
use gryadka::{
    AcceptorId, AcceptorIdentity, Access, Ballot, Bytes, ChangeError, ConnectOptions, Expected,
    Gryadka, Head, Lineage, ProposerId, RemoteAcceptor, Request, VersionedValue,
};
use std::future::Future;
use std::sync::Arc;
use tokio::time::Instant;

/// One proposer, as a loop calls it.
pub(crate) trait Subject: Send + Sync + 'static {
    /// Writes the key.
    fn change(
        &self,
        key: &[u8],
        value: &Bytes,
        deadline: Instant,
    ) -> impl Future<Output = Outcome> + Send;

    /// Reads the key.
    fn read(&self, key: &[u8], deadline: Instant) -> impl Future<Output = Outcome> + Send;

    /// Deletes the key.
    fn delete(&self, key: &[u8], deadline: Instant) -> impl Future<Output = Outcome> + Send;

    /// Rounds that another proposer's ballot has ended so far, where the store counts them.
    fn conflicts(&self) -> Option<u64>;
}

impl Subject for Gryadka {
    async fn change(&self, key: &[u8], value: &Bytes, deadline: Instant) -> Outcome {
        outcome(&self.set(key, value.clone(), deadline).await)
    }

    async fn read(&self, key: &[u8], deadline: Instant) -> Outcome {
        outcome(&self.get(key, deadline).await)
    }

    async fn delete(&self, key: &[u8], deadline: Instant) -> Outcome {
        outcome(&Self::delete(self, key, Expected::Anything, deadline).await)
    }

    fn conflicts(&self) -> Option<u64> {
        Some(self.store().conflicts())
    }
}

/// Collects tombstones in the background as long as the guard lives.
pub(crate) fn collecting(proposer: &Arc<Gryadka>) -> Collecting {
    let proposer = Arc::clone(proposer);
    let collect = async move { proposer.keep_collecting(std::time::Duration::from_secs(1)).await };
    Collecting(tokio::spawn(collect).abort_handle())
}

/// See [`collecting`].
pub(crate) struct Collecting(tokio::task::AbortHandle);

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

const fn outcome<T>(result: &Result<T, ChangeError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Ok,
        Err(ChangeError::NotApplied(_) | ChangeError::TooLong(_)) => Outcome::NotApplied,
        Err(ChangeError::Unknown(_)) => Outcome::Unknown,
    }
}

/// The store that is measured.
pub(crate) type Proposer = Gryadka;

/// Opens as many proposers as asked for over these servers, all keys under `prefix`.
pub(crate) async fn open(
    urls: &[String],
    prefix: &str,
    proposers: usize,
) -> Result<Vec<Arc<Proposer>>, BenchError> {
    let mut opened = Vec::with_capacity(proposers);
    for _ in 0..proposers {
        let options = ConnectOptions {
            access: Access { prefix: prefix.to_owned(), ..Access::default() },
            initialise: true,
            ..ConnectOptions::new(urls.iter().cloned())
        };
        let proposer = Gryadka::connect(options).await;
        opened.push(Arc::new(proposer.map_err(|error| BenchError::Open(error.to_string()))?));
    }
    Ok(opened)
}

/// The store's accept as it goes over the wire: one register a call.
pub(crate) struct Wire {
    prefix: String,
    acceptor: RemoteAcceptor,
    proposer: ProposerId,
}

/// The raw client's acceptors are members of a cluster of their own.
const HEAD: Head =
    Head { identity: AcceptorIdentity { cluster: 1, acceptor: AcceptorId(1) }, epoch: 1 };

impl Wire {
    /// What the servers must have loaded before the first call.
    pub(crate) const SCRIPT: &str = RemoteAcceptor::script();
    /// The reply to an accept that is accepted.
    pub(crate) const ACCEPTED: &[u8] = b"*1\r\n:1\r\n";

    /// Calls on registers under this prefix, by a proposer of their own.
    pub(crate) fn new(prefix: &str) -> Result<Self, BenchError> {
        let acceptor = RemoteAcceptor::new("redis://127.0.0.1", prefix)
            .map_err(|error| BenchError::Open(error.to_string()))?;
        let proposer = gryadka::fresh_proposer_id();
        Ok(Self { prefix: prefix.to_owned(), acceptor, proposer })
    }

    /// Where the run's keys are on the servers.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Admits these servers to the cluster of the raw client.
    pub(crate) async fn join(&self, urls: &[String]) -> Result<(), BenchError> {
        use gryadka::{Acceptor, AcceptorState};
        for url in urls {
            let open = |error: &dyn std::fmt::Display| BenchError::Open(error.to_string());
            let acceptor = RemoteAcceptor::new(url, &self.prefix).map_err(|error| open(&error))?;
            let state =
                AcceptorState { identity: HEAD.identity, epoch: HEAD.epoch, promise_floor: 0 };
            acceptor.admit(state, Bytes::new(), 0).await.map_err(|error| open(&error))?;
        }
        Ok(())
    }

    /// One call. On each key the counter must rise from call to call.
    pub(crate) fn accept_call(&self, key: &[u8], counter: u64, value: &[u8]) -> Vec<u8> {
        let ballot = |counter| Ballot { counter, proposer: self.proposer };
        let versioned = VersionedValue {
            version: counter,
            value: Some(Bytes::copy_from_slice(value)),
            lineage: Lineage::of(vec![ballot(counter)]),
        };
        let (ballot, promise) = (ballot(counter), ballot(counter + 1));
        let request = Request::Accept { ballot, value: Some(versioned), promise };
        self.acceptor.call_on_the_wire(HEAD, &[(Bytes::copy_from_slice(key), request)])
    }
}
