//! Our own Toxiproxy: links that are made, told and removed over HTTP, as Toxiproxy's are.
//!
//! | question | file |
//! |---|---|
//! | which request is answered by what? | `server/router.rs` |
//! | which proxies are there, and what may become of them? | `server/registry.rs` |
//! | what does `host:port` stand for? | `server/place.rs` |
//! | what is answered when something cannot be? | `server/refusal.rs` |
//! | what does Prometheus read? | `server/metrics.rs` |
//! | what stands in a configuration file? | `server/config.rs` |
//! | how are connections accepted, and ended in good order? | `server/http.rs` |

mod config;
mod http;
mod metrics;
mod place;
mod refusal;
mod registry;
mod router;

pub use config::{ConfigError, parse_config};
pub use http::{ProxyServer, ServerError};
pub use refusal::Refusal;
