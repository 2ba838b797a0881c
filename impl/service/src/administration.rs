//! What can be asked of a cluster as a whole, by the service and by the command line alike.
//!
//! Each private function below is one call of the store.

use gryadka::Gryadka;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;

/// A change of the cluster, which may take long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// One more acceptor, at this address.
    Grow { acceptor: String },
    /// One acceptor fewer.
    Shrink { acceptor: u32 },
    /// An acceptor gives its place to an empty one at this address.
    Replace { old: u32, new: String },
    /// Every register is copied to where the configuration wants it.
    Rescan,
    /// Deleted registers are erased from every acceptor.
    Collect,
    /// Whatever an earlier driver has left half done is finished.
    Resume,
}

impl Task {
    /// Its name in paths, commands and logs.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Grow { .. } => "grow",
            Self::Shrink { .. } => "shrink",
            Self::Replace { .. } => "replace",
            Self::Rescan => "rescan",
            Self::Collect => "collect",
            Self::Resume => "resume",
        }
    }
}

/// How far a task has come, in keys.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Keys that are finished.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Keys in all; 0 as long as they are not counted.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

/// A task that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TaskError {
    /// The store's own part is not there yet.
    #[error("{0} is not connected to the store yet")]
    NotConnected(&'static str),
}

/// The cluster's configuration, and how its acceptors are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cluster {
    /// The configuration's number.
    pub(crate) epoch: u64,
    /// Whether every register is where this configuration wants it.
    pub(crate) settled: bool,
    /// How many acceptors must promise.
    pub(crate) prepare: usize,
    /// How many acceptors must accept.
    pub(crate) accept: usize,
    /// Every acceptor, by id.
    pub(crate) acceptors: Vec<Acceptor>,
}

/// One acceptor as seen from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Acceptor {
    /// Its id, never used again for another.
    pub(crate) id: u32,
    /// Its address, without user and password.
    pub(crate) address: String,
    /// Whether it answered just now.
    pub(crate) reachable: bool,
}

/// A cluster, and how to change it.
#[derive(Debug, Clone)]
pub(crate) struct Administration {
    gryadka: Gryadka,
    urls: Arc<[String]>,
}

impl Administration {
    pub(crate) const fn new(gryadka: Gryadka, urls: Arc<[String]>) -> Self {
        Self { gryadka, urls }
    }

    /// The present configuration. Acceptors have `patience` to answer.
    pub(crate) async fn cluster(&self, patience: Duration) -> Cluster {
        cluster(&self.urls, patience).await
    }

    /// Does all of a task.
    pub(crate) async fn perform(&self, task: Task, progress: &Progress) -> Result<(), TaskError> {
        let store = &self.gryadka;
        match task {
            Task::Grow { acceptor } => grow(store, &acceptor, progress).await,
            Task::Shrink { acceptor } => shrink(store, acceptor, progress).await,
            Task::Replace { old, new } => replace(store, old, &new, progress).await,
            Task::Rescan => rescan(store, progress).await,
            Task::Collect => collect(store, progress).await,
            Task::Resume => resume(store, progress).await,
        }
    }
}

async fn grow(_: &Gryadka, _acceptor: &str, _: &Progress) -> Result<(), TaskError> {
    Err(TaskError::NotConnected("grow"))
}

async fn shrink(_: &Gryadka, _acceptor: u32, _: &Progress) -> Result<(), TaskError> {
    Err(TaskError::NotConnected("shrink"))
}

async fn replace(_: &Gryadka, _old: u32, _new: &str, _: &Progress) -> Result<(), TaskError> {
    Err(TaskError::NotConnected("replace"))
}

async fn rescan(_: &Gryadka, _: &Progress) -> Result<(), TaskError> {
    Err(TaskError::NotConnected("rescan"))
}

async fn collect(_: &Gryadka, _: &Progress) -> Result<(), TaskError> {
    Err(TaskError::NotConnected("collect"))
}

async fn resume(_: &Gryadka, _: &Progress) -> Result<(), TaskError> {
    Err(TaskError::NotConnected("resume"))
}

/// The acceptors as they were named, counted from 1; whether they answer is whether they let
/// somebody connect.
async fn cluster(urls: &[String], patience: Duration) -> Cluster {
    let majority = urls.len() / 2 + 1;
    let mut connecting = Vec::new();
    for (id, url) in (1..).zip(urls) {
        let address = address(url).to_owned();
        connecting.push(tokio::spawn(async move {
            let connect = TcpStream::connect(&address);
            let reachable = matches!(tokio::time::timeout(patience, connect).await, Ok(Ok(_)));
            Acceptor { id, address, reachable }
        }));
    }
    let mut acceptors = Vec::new();
    for acceptor in connecting {
        acceptors.extend(acceptor.await);
    }
    Cluster { epoch: 0, settled: true, prepare: majority, accept: majority, acceptors }
}

/// The `host:port` of a URL.
fn address(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    authority.rsplit_once('@').map_or(authority, |(_, address)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_shows_a_password() {
        for (url, expected) in [
            ("redis://127.0.0.1:6379", "127.0.0.1:6379"),
            ("rediss://user:p@ss@host:6380/0", "host:6380"),
            ("native://[::1]:7001", "[::1]:7001"),
        ] {
            assert_eq!(address(url), expected);
        }
    }
}
