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
//! | what do applications call? | `gryadka.rs` |
//! | how does a change run, retry and end? | `store.rs` |
//! | what can a caller be told? | `error.rs` |
//! | registers, with and without versions? | `register.rs` |
//! | what must an acceptor do? | `acceptor.rs` |
//! | how is one connection kept to a server? | `connection.rs` |
//! | how is Redis spoken to, and in which scripts? | `redis_acceptor.rs`, `scripts/` |
//! | how is a native acceptor spoken to, and served? | `native_acceptor.rs`, `native_server.rs` |

mod acceptor;
mod connection;
mod error;
mod gryadka;
mod key_locks;
mod native_acceptor;
mod native_server;
mod redis_acceptor;
mod register;
mod reply;
mod store;

pub use acceptor::{Acceptor, Lost};
pub use bytes::Bytes;
pub use caspaxos::{
    AcceptorId, Ballot, Configuration, ConfigurationError, ProposerId, Quorum, Step, Why,
};
pub use connection::AddressError;
pub use error::ChangeError;
pub use gryadka::{ConnectError, ConnectOptions, Expected, Gryadka, Present};
pub use native_acceptor::NativeAcceptor;
pub use native_server::{NativeRegisters, NativeServer};
pub use redis_acceptor::RedisAcceptor;
pub use register::{CasAnswer, Versioned};
pub use store::{Options, Store};

/// Other rules than the protocol's own: for the gallery of mutants.
#[cfg(feature = "mutants")]
pub use caspaxos::Rules;
