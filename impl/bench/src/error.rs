//! Why there is no report.

use crate::slice::Outcome;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A benchmark that could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// An option has a value that makes no sense.
    #[error("{option} cannot be {value}: {reason}")]
    Option {
        /// The option, as the user writes it.
        option: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        reason: &'static str,
    },
    /// There is no `redis-server` to start.
    #[error("no redis-server on the PATH: install one, or name running servers by --urls")]
    NoRedis,
    /// A server could not be started.
    #[error("a server cannot be started from {binary}: {source}", binary = .binary.display())]
    Start {
        /// The server's binary.
        binary: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A server was started and does not answer.
    #[error("the server at {address} does not come up: {reason}")]
    NotUp {
        /// Where it was expected.
        address: SocketAddr,
        /// What was seen instead.
        reason: String,
    },
    /// A server's address is none that a bare client can use.
    #[error("{url} cannot be measured: {reason}")]
    Address {
        /// The address as it was given, without its login.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A server did not answer a question beside the measurements.
    #[error("the server at {address} did not answer {command}: {source}")]
    Control {
        /// The server.
        address: SocketAddr,
        /// What was asked.
        command: &'static str,
        /// What went wrong.
        source: redis::RedisError,
    },
    /// The bare client's connection broke.
    #[error("the bare client's connection to {address} failed: {source}")]
    BareConnection {
        /// The server.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A server sent bytes that are no reply.
    #[error("the server at {address} sent bytes that are no reply in RESP2")]
    Framing {
        /// The server.
        address: SocketAddr,
    },
    /// No server answered the bare client any more.
    #[error("no server has answered the bare client for {seconds} s")]
    Silent {
        /// How long it was waited for.
        seconds: u16,
    },
    /// A server answered the bare client otherwise than it should.
    #[error("the server at {address} answered {reply:?} to the bare client")]
    UnexpectedReply {
        /// The server.
        address: SocketAddr,
        /// Its reply, as it came.
        reply: String,
    },
    /// The store could not be opened.
    #[error("the store cannot be opened: {0}")]
    Open(String),
    /// The first write of a key, before anything is measured, did not succeed.
    #[error("a key could not be written before the measurement: {0}")]
    Populate(Outcome),
    /// The system refused what is needed to measure.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A task of the benchmark itself ended too early.
    #[error("a loop of the benchmark ended too early: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// A histogram could not be made, or took no value.
    #[error("a histogram failed: {0}")]
    Histogram(String),
}
