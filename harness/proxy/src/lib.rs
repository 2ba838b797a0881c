//! A TCP proxy for one directed link, inside the harness, that misbehaves on demand.
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

mod alarm;
mod chance;
mod connection;
mod error;
mod lane;
mod link;
mod order;
mod pipeline;
mod port;
mod queue;
mod resp;
mod stage;
mod toxic;
mod traffic;
mod upstream;

pub use error::ProxyError;
pub use link::Link;
pub use pipeline::HELD_MAX;
pub use toxic::{DELAY_MAX, Direction, Effect, NAME_MAX, Toxic};
pub use traffic::{Flow, Traffic};
pub use upstream::Upstream;
