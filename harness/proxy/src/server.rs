//! Our own Toxiproxy: links that are made, told and removed over HTTP, as Toxiproxy's are.
//!
//! | question | file |
//! |---|---|
//! | which request is answered by what? | `server/router.rs` |
//! | which proxies are there, and what may become of them? | `server/registry.rs` |
//! | what is one proxy, enabled or not yet? | `server/proxy.rs` |
//! | what does `host:port` stand for? | `server/place.rs` |
//! | what is answered when something cannot be? | `server/refusal.rs` |
//! | what is passed over, as Toxiproxy does, and how is that told? | `server/overlooked.rs` |
//! | by which name is a request found in the log? | `server/request_id.rs` |
//! | what does Prometheus read? | `server/metrics.rs` |
//! | what stands in a configuration file? | `server/config.rs` |
//! | how are connections accepted, and ended in good order? | `server/http.rs` |

mod config;
mod http;
mod metrics;
mod overlooked;
mod place;
mod proxy;
mod refusal;
mod registry;
mod request_id;
mod router;

pub use config::{ConfigError, parse_config};
pub use http::{ProxyServer, ServerError};
pub use refusal::Refusal;
