//! Gryadka: a leaderless, master-master replicated key-value store. The acceptors are plain Redis
//! servers, any number of proposers run beside them, and each key is a CASPaxos register.
//!
//! ```text
//!  caller ─ change(key, f) ─► Store ─ one round per key ─► caspaxos::Round
//!                               │ Request ▲ Reply
//!                               ▼         │
//!                           Acceptor: RedisAcceptor (Lua) | NativeAcceptor (served by this crate)
//! ```
//!
//! | question | file |
//! |---|---|
//! | how does a change run, retry and end? | `store.rs` |
//! | what can a caller be told? | `error.rs` |
//! | registers, with and without versions? | `register.rs` |
//! | what must an acceptor do? | `acceptor.rs` |
//! | how is one connection kept to a server? | `connection.rs` |
//! | how is Redis spoken to, and in which scripts? | `redis_acceptor.rs`, `scripts/` |
//! | how is a native acceptor spoken to, and served? | `native_acceptor.rs`, `native_server.rs` |

mod acceptor;
mod connection;
mod courier;
mod error;
mod native_registers;
mod native_server;
mod remote_acceptor;
mod verb;
mod wire;

pub use acceptor::{Acceptor, Cell, Cursor, Head, Lost, Page, Reply, Request, Status};
pub use bytes::Bytes;
pub use caspaxos::{
    AcceptorId, Ballot, Configuration, Lineage, ProposerId, Quorum, Stamp, Standing, Step, Why,
};
pub use connection::AddressError;
pub use courier::{Courier, Delivered, Inbox};
pub use error::ChangeError;
pub use native_registers::NativeRegisters;
pub use native_server::NativeServer;
pub use remote_acceptor::{Access, RemoteAcceptor};

/// Other rules than the protocol's own: for the gallery of mutants.
#[cfg(feature = "mutants")]
pub use caspaxos::Rules;
