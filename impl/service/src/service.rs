//! The store over HTTP.
//!
//! A client that goes away does not take its request back: what was sent to the acceptors may take
//! effect, then or later. Operations on the cluster go on when their client is gone.
//!
//! | question | file |
//! |---|---|
//! | which path leads where, and through what? | `router.rs` |
//! | values of keys? | `kv.rs` |
//! | which bytes does a path name? | `key.rs` |
//! | versions and preconditions? | `etag.rs` |
//! | deadlines, queries, JSON? | `request.rs` |
//! | bodies, and how much of them is in memory? | `bodies.rs` |
//! | how is the rest of a refused body discarded? | `leftover.rs` |
//! | how are errors answered? | `problem.rs` |
//! | which request is allowed, and how many at a time? | `access.rs` |
//! | the cluster, and long operations on it? | `cluster.rs`, `operations.rs` |
//! | is it alive, and what has it done? | `probes.rs`, `metrics.rs` |
//! | its description for programs? | `openapi.rs`, `openapi.json` |
//! | sockets, TLS, and the end? | `server.rs`, `tls.rs` |
//! | when is a client given up that does not read its answers? | `write_timeout.rs` |

mod access;
mod bodies;
mod cluster;
mod etag;
mod key;
mod kv;
mod leftover;
mod metrics;
mod openapi;
mod operations;
mod probes;
mod problem;
mod request;
mod router;
mod server;
mod tls;
mod write_timeout;

pub use server::{Drained, Server, StartError};
pub use tls::TlsError;

use crate::administration::Administration;
use crate::settings::{Limits, Tokens};
use bodies::Bodies;
use gryadka::Gryadka;
use metrics::Metrics;
use operations::Operations;
use tokio::sync::Semaphore;

/// What every request is served with.
#[derive(Debug)]
struct Service {
    gryadka: Gryadka,
    administration: Administration,
    operations: Operations,
    tokens: Tokens,
    /// Whether it listens on a loopback address.
    is_local: bool,
    limits: Limits,
    /// One permit for each request that may be in progress.
    admission: Semaphore,
    bodies: Bodies,
    metrics: Metrics,
}
