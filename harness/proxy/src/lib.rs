//! A TCP proxy for one directed link, inside the harness, that misbehaves on demand.
//!
//! A proposer reaches each acceptor through a [`Link`] of its own; partitions are sets of links.
//!
//! ```text
//!            ┌──────────────────────── Link ────────────────────────┐
//! client ──▶ │ read ─▶ frames ─▶ stages ─▶ queue by due time ─▶ write │ ──▶ server   requests
//!        ◀── │ write ◀─ queue by due time ◀─ stages ◀─ frames ◀─ read │ ◀──          replies
//!            └──────────────────────────────────────────────────────┘
//! ```
//!
//! | question | file |
//! |---|---|
//! | what can be done to a link, and what does each condition mean? | `condition.rs` |
//! | how is a link opened, told, healed and closed? | `link.rs` |
//! | how do its connections hear of it? | `order.rs` |
//! | how does a link refuse connections and yet keep its port? | `port.rs` |
//! | what happens to one connection from accept to close? | `connection.rs` |
//! | how do the bytes of one direction get across? | `lane.rs` |
//! | what waits between read and write, and in which order does it leave? | `pipeline.rs` |
//! | what do latency and loss do to a chunk? | `stage.rs` |
//! | where does a request or a reply end? | `resp.rs` |
//! | what has crossed a link? | `traffic.rs` |

mod client;
mod condition;
mod connection;
mod lane;
mod link;
mod order;
mod pipeline;
mod port;
mod resp;
mod stage;
mod toxic;
mod traffic;
mod wire;

pub use client::{Asked, Carried, ProxyBytes, TIME_OUT, Toxiproxy, ToxiproxyError, Version};
pub use condition::{Condition, DELAY_MAX, Direction};
pub use link::{Link, ProxyError};
pub use pipeline::HELD_MAX;
pub use toxic::{Effect, Toxic};
pub use traffic::{Flow, Traffic};
pub use wire::{ProxySettings, ProxyState, WireError};

/// How the version of our own server ends, by which it is told from a genuine Toxiproxy.
const OURS: &str = "+gryadka";
