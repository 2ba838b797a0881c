//! The store as the benchmark calls it: the only file that knows its interface and its bytes.

use crate::slice::Outcome;
use crate::{BenchError, resp};
use gryadka::{
    AcceptorId, Bytes, ChangeError, Configuration, Options, ProposerId, RedisAcceptor, Step, Store,
};
use std::collections::BTreeMap;
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

    /// Rounds that another proposer's ballot has ended so far, if somebody counts them.
    fn conflicts(&self) -> Option<u64>;
}

impl Subject for Proposer {
    async fn change(&self, key: &[u8], value: &Bytes, deadline: Instant) -> Outcome {
        outcome(&self.set(key, value.clone(), deadline).await)
    }

    async fn read(&self, key: &[u8], deadline: Instant) -> Outcome {
        outcome(&self.get(key, deadline).await)
    }

    async fn delete(&self, key: &[u8], deadline: Instant) -> Outcome {
        outcome(&Self::change(self, key, |_| Step::Put(None, ()), deadline).await)
    }

    fn conflicts(&self) -> Option<u64> {
        None
    }
}

const fn outcome<T>(result: &Result<T, ChangeError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Ok,
        Err(ChangeError::NotApplied(_)) => Outcome::NotApplied,
        Err(ChangeError::Unknown(_)) => Outcome::Unknown,
    }
}

/// The store that is measured.
pub(crate) type Proposer = Store<RedisAcceptor>;

/// Opens as many proposers as asked for over these servers, all keys under `prefix`.
#[expect(clippy::unused_async, reason = "a store may have to talk to its servers to be opened")]
pub(crate) async fn open(
    urls: &[String],
    prefix: &str,
    proposers: usize,
) -> Result<Vec<Arc<Proposer>>, BenchError> {
    // Names of proposers are never used twice; a run has no memory but takes them from 2^44.
    let first = rand::random::<u64>() >> 20;
    (0..proposers as u64).map(|index| one(urls, prefix, first + index).map(Arc::new)).collect()
}

fn one(urls: &[String], prefix: &str, proposer: u64) -> Result<Proposer, BenchError> {
    let mut acceptors = BTreeMap::new();
    for (id, url) in (0..).map(AcceptorId).zip(urls) {
        let acceptor =
            RedisAcceptor::new(url, prefix).map_err(|error| BenchError::Open(error.to_string()))?;
        acceptors.insert(id, Arc::new(acceptor));
    }
    let configuration = Configuration::majority(acceptors.keys().copied())
        .map_err(|error| BenchError::Open(error.to_string()))?;
    Ok(Store::new(Options::new(ProposerId(proposer), configuration), acceptors))
}

/// The store's accept as it goes over the wire: one register a call.
pub(crate) struct Wire {
    prefix: String,
    hash: String,
    proposer: String,
}

impl Wire {
    /// What the servers must have loaded before the first call.
    pub(crate) const SCRIPT: &str = include_str!("../../gryadka/src/scripts/accept.lua");
    /// The reply to an accept that is accepted.
    pub(crate) const ACCEPTED: &[u8] = b"*1\r\n:1\r\n";

    /// Calls on registers under this prefix, by a proposer of their own.
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            hash: redis::Script::new(Self::SCRIPT).get_hash().to_owned(),
            proposer: (rand::random::<u64>() >> 20).to_string(),
        }
    }

    /// Where the run's keys are on the servers.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// One call. On each key the counter must rise from call to call.
    pub(crate) fn accept_call(&self, key: &[u8], counter: u64, value: &[u8]) -> Vec<u8> {
        let register = [self.prefix.as_bytes(), key].concat();
        let (counter, promise) = (counter.to_string(), (counter + 1).to_string());
        resp::command(&[
            b"EVALSHA",
            self.hash.as_bytes(),
            b"1",
            &register,
            counter.as_bytes(),
            self.proposer.as_bytes(),
            promise.as_bytes(),
            self.proposer.as_bytes(),
            value,
        ])
    }
}
