//! Gryadka: a leaderless, master-master replicated key-value store. The acceptors are plain Redis
//! servers, any number of proposers run beside them, and each key is a CASPaxos register.
//!
//! ```text
//!  caller ─ change(key, f) ─► Gryadka ─► Store ─► Engine ─► caspaxos::{Desk, Reading}, one per key
//!                                │                  │ Request ▲ Reply
//!        later configurations ◄──┘                  ▼         │
//!        (document, membership)                 Courier, one per acceptor: what waits, in one call
//!                                                   │         ▲
//!                                                   ▼         │
//!                                 RemoteAcceptor: Redis (Lua) or a native server
//! ```
//!
//! | question | file |
//! |---|---|
//! | how is a cluster found, used and followed? | `gryadka.rs` |
//! | registers with versions, compare-and-set, deletes? | `register.rs`; watching one: `watching.rs` |
//! | what can a caller be told? | `error.rs`, `limits.rs` |
//! | how does a change run and end? | `store.rs`, `waiting.rs`, `engine.rs`; the rules: `caspaxos::Desk` |
//! | how do requests travel together? | `courier.rs` |
//! | what must an acceptor do? | `acceptor.rs` |
//! | how is one connection kept to a server? | `connection.rs` |
//! | how are Redis and native servers spoken to? | `remote_acceptor.rs`, `wire/`, `verb.rs`, `scripts/` |
//! | how is a native acceptor served? | `native_server.rs`, `native_registers.rs` |
//! | what does a cluster know of itself? | `document.rs`; who says so: `roster.rs` |
//! | how does a cluster begin? | `bootstrap.rs` |
//! | how do its members change? | `cluster.rs`, `membership.rs`, `membership/rescan.rs` |
//! | how are tombstones collected? | `collector.rs` |

mod acceptor;
mod bootstrap;
mod cluster;
mod collector;
mod connection;
mod courier;
mod document;
mod engine;
mod error;
mod gryadka;
mod limits;
mod membership;
mod native_registers;
mod native_server;
mod register;
mod remote_acceptor;
mod roster;
mod store;
mod verb;
mod waiting;
mod watching;
mod wire;

pub use acceptor::{Acceptor, Cell, Cursor, Head, Lost, Page, Reply, Request, Status};
pub use bootstrap::BootstrapError;
pub use bytes::Bytes;
pub use caspaxos::{
    AcceptorId, Ballot, Configuration, ConfigurationError, Lineage, ProposerId, Quorum, Stamp, Standing, Step, Why,
};
pub use cluster::{AcceptorStatus, ClusterStatus, Membership, MembershipOptions};
pub use collector::Pass;
pub use connection::AddressError;
pub use courier::{Courier, Delivered, Inbox};
pub use document::{Document, DocumentError, Votes};
pub use error::ChangeError;
pub use gryadka::{ConnectError, ConnectOptions, Gryadka, Route, fresh_proposer_id};
pub use limits::{Limits, TooLong};
pub use membership::{MembershipError, Progress, Rescan};
pub use native_registers::NativeRegisters;
pub use native_server::NativeServer;
pub use register::{CasAnswer, Expected, Versioned};
pub use remote_acceptor::{Access, RemoteAcceptor};
pub use roster::{Dial, RosterError};
pub use store::{Options, Store};
pub use watching::Watch;

/// What a change function is shown of a register.
pub type Present<'a> = caspaxos::Present<'a, Bytes>;

/// Other rules than the protocol's own: for the gallery of mutants.
#[cfg(feature = "mutants")]
pub use caspaxos::Rules;
