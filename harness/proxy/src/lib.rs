//! A TCP proxy for one directed link, inside the harness, that misbehaves on demand; a server of such
//! links that speaks Toxiproxy; and a client for that and for the genuine one.
//!
//! # Links
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
//! | how are proxies and toxics written in JSON? | `wire.rs`, `wire/` |
//! | who makes links when asked over HTTP, as Toxiproxy does? | `server.rs`, `server/` |
//! | who asks a Toxiproxy, theirs or ours? | `client.rs`, `client/` |
//!
//! # Toxics over HTTP
//!
//! The server takes Toxiproxy's requests and configurations, and knows some types of toxics more.
//! Attributes are whole numbers, and 0 where they are left out; [`Effect`] says what each type does.
//! No time is longer than [`DELAY_MAX`].
//!
//! | type | attributes | whose |
//! |---|---|---|
//! | `noop` | | Toxiproxy's |
//! | `latency` | `latency`, `jitter`: milliseconds | Toxiproxy's |
//! | `bandwidth` | `rate`: kilobytes (1000 bytes) a second; 0 stalls | Toxiproxy's |
//! | `slow_close` | `delay`: milliseconds | Toxiproxy's |
//! | `timeout` | `timeout`: milliseconds; 0 is never | Toxiproxy's |
//! | `reset_peer` | `timeout`: milliseconds; 0 is at once | Toxiproxy's |
//! | `slicer` | `average_size`, `size_variation`: bytes; `delay`: microseconds | Toxiproxy's |
//! | `limit_data` | `bytes` | Toxiproxy's |
//! | `blackhole` | | ours: [`Effect::Blackhole`] |
//! | `loss` | `per_mille`: the messages lost of a thousand, 0 to 1000 | ours: [`Effect::Loss`] |
//! | `drop` | `per_mille`, as above; `usable`: whether later messages still pass, 0 or 1 | ours: [`Effect::Drop`] |
//! | `corrupt` | `per_mille`: the chunks with a bit flipped of a thousand, 0 to 1000 | ours: [`Effect::Corrupt`] |
//!
//! For example, `{"type": "loss", "stream": "upstream", "attributes": {"per_mille": 20}}` loses one
//! request of fifty. How many were lost is told by `/metrics`, as `toxiproxy_proxy_lost_messages_total`
//! beside Toxiproxy's own counters, and `toxiproxy_proxy_dropped_messages_total` and
//! `toxiproxy_proxy_corrupted_chunks_total` tell of the other two.
//!
//! JSON is read as Go's decoder reads it: names of fields and attributes in any case, the last of two,
//! `null` as if it were not there, and nothing after the end of the document. Otherwise than by
//! Toxiproxy,
//!
//! * an unknown field or attribute is refused, and so are two proxies of one name;
//! * toxics that come with a proxy, when it is made or in a configuration, are applied. Those that come
//!   with a populate of a proxy that is there already are added to its own, or replace those of
//!   the same name;
//! * what a change passes over, as Toxiproxy does, is told in a `Warning` header: another name,
//!   type or stream, toxics in a change of a proxy, `enabled` in a populate of one that is there.

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
