//! The store over HTTP.
//!
//! A client that goes away does not take its request back: what was sent to the acceptors may take
//! effect, then or later. Operations on the cluster go on without whoever asked for them.
//!
//! | question | file |
//! |---|---|
//! | which path leads where, and through what? | `router.rs` |
//! | values of keys? | `kv.rs` |
//! | which bytes does a path name? | `key.rs` |
//! | versions and preconditions? | `etag.rs` |
//! | deadlines, bodies, queries? | `request.rs` |
//! | what becomes of a body that was refused? | `leftover.rs` |
//! | what is said when it goes wrong? | `problem.rs` |
//! | who may do what, and how much at a time? | `access.rs` |
//! | the cluster, and long operations on it? | `cluster.rs`, `operations.rs` |
//! | is it alive, and what has it done? | `probes.rs`, `metrics.rs` |
//! | its description for programs? | `openapi.rs`, `openapi.json` |
//! | sockets, TLS, and the end? | `server.rs`, `tls.rs` |
//! | what becomes of a client that does not read its answers? | `impatient.rs` |

mod access;
mod cluster;
mod etag;
mod impatient;
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

pub use server::{Drained, Server, StartError};
pub use tls::TlsError;

use crate::administration::Administration;
use crate::settings::{Limits, Tokens};
use gryadka::Gryadka;
use metrics::Metrics;
use operations::Operations;
use request::BodyLimits;
use tokio::sync::Semaphore;

/// What every request is served with.
#[derive(Debug)]
struct Service {
    gryadka: Gryadka,
    administration: Administration,
    operations: Operations,
    tokens: Tokens,
    limits: Limits,
    admission: Semaphore,
    metrics: Metrics,
}

impl Service {
    const fn body_limits(&self) -> BodyLimits {
        BodyLimits { bytes: self.limits.value_bytes, time: self.limits.read_timeout }
    }
}
