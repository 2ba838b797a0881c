//! A TCP proxy for one directed link, inside the harness, that misbehaves on demand; a server of such
//! links that speaks Toxiproxy; and a client for that and for the genuine one.
//!
//! A proposer reaches each acceptor through a [`Link`] of its own; partitions are sets of links.
//!
//! ```text
//!            ┌──────────────────────── Link ────────────────────────┐
//! client ──▶ │ read ─▶ one stage for each toxic ─▶ queue ─▶ write │ ──▶ server   requests
//!        ◀── │ write ◀─ queue ◀─ one stage for each toxic ◀─ read │ ◀──          replies
//!            └──────────────────────────────────────────────────────┘
//! ```
//!
//! | question | file |
//! |---|---|
//! | what can be wrong with a link, and what does each effect mean? | `toxic.rs` |
//! | how is a link opened, told, healed and closed? | `link.rs` |
//! | why can it not be? | `error.rs` |
//! | how do its connections hear of a change? | `order.rs` |
//! | how does a link refuse connections and yet keep its port? | `port.rs` |
//! | where does it lead to? | `upstream.rs` |
//! | what happens to one connection from accept to close? | `connection.rs` |
//! | how do the bytes of one direction get across? | `lane.rs` |
//! | through which stages do they go, and how is one put in or taken out? | `pipeline.rs` |
//! | what does a toxic do to what comes? | `stage.rs` |
//! | what waits, and in which order does it leave? | `queue.rs` |
//! | where does a request or a reply end? | `resp.rs` |
//! | where does randomness come from? | `chance.rs` |
//! | how is a delay exact? | `alarm.rs` |
//! | what has crossed a link? | `traffic.rs` |
//! | how are proxies and toxics written in JSON? | `wire.rs` |
//! | who makes links when asked over HTTP, as Toxiproxy does? | `server.rs`, `server/` |
//! | who asks a Toxiproxy, theirs or ours? | `client.rs`, `client/` |

mod alarm;
mod chance;
mod client;
mod connection;
mod error;
mod lane;
mod link;
mod order;
mod pipeline;
mod port;
mod queue;
mod resp;
mod server;
mod stage;
mod toxic;
mod traffic;
mod upstream;
mod wire;

pub use client::{Asked, Carried, ProxyBytes, TIME_OUT, Toxiproxy, ToxiproxyError, Version};
pub use error::ProxyError;
pub use link::Link;
pub use pipeline::{DELAYED_MAX, HELD_MAX};
pub use server::{ConfigError, ProxyServer, Refusal, ServerError, parse_config};
pub use toxic::{DELAY_MAX, Direction, Effect, NAME_MAX, Toxic};
pub use traffic::{Flow, Traffic};
pub use upstream::Upstream;
pub use wire::{ProxySettings, ProxyState, WireError};

/// How the version of our own server ends, by which it is told from a genuine Toxiproxy.
const OURS: &str = "+gryadka";
