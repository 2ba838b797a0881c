//! Gryadka: a leaderless, master-master replicated key-value store. The acceptors are plain Redis
//! servers, any number of proposers run beside them, and each key is a CASPaxos register.
//!
//! ```text
//!  caller ─ change(key, f) ─► Gryadka ─► Store ─► Engine ─► caspaxos::{KeyProposer, QuorumRead}, one per key
//!                                │                  │ Request ▲ Reply
//!        later configurations ◄──┘                  ▼         │
//!        (config, membership)                 AcceptorClient, one per acceptor: what waits, in one call
//!                                                   │         ▲
//!                                                   ▼         │
//!                                 RemoteAcceptor: Redis (Lua) or a native server
//! ```
//!
//! ```
//! use gryadka::{CasAnswer, ConnectOptions, Expected, Gryadka, Present, Decision};
//! use std::time::Duration;
//! use tokio::time::Instant;
//! # use gryadka::{NativeRegisters, NativeServer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let start = || NativeServer::start("127.0.0.1:0".parse().unwrap(), NativeRegisters::default());
//! # let servers = [start()?, start()?, start()?];
//! # let urls = servers.each_ref().map(|server| format!("native://{}", server.address()));
//! // Three servers, `redis://host:port` each, which may belong to no cluster yet.
//! let options = ConnectOptions { initialise: true, ..ConnectOptions::new(urls) };
//! let store = Gryadka::connect(options).await?;
//! let soon = || Instant::now() + Duration::from_secs(5);
//!
//! let version = store.set(b"greeting", "hello".into(), soon()).await?;
//! let present = store.get(b"greeting", soon()).await?.ok_or("nothing there")?;
//! assert_eq!((present.value.as_ref(), present.version), (&b"hello"[..], version));
//!
//! // Only if no other client has written since.
//! let seen = Expected::Version(version);
//! let answer = store.compare_and_set(b"greeting", seen, "good morning".into(), soon()).await?;
//! assert_eq!(answer, CasAnswer::Set(version + 1));
//!
//! // Any function of what is there.
//! let shout = |present: Present<'_>| match present.value {
//!     Some(value) => Decision::Put(Some([value, &b"!"[..]].concat().into()), present.next),
//!     None => Decision::Keep(present.version),
//! };
//! store.change(b"greeting", shout, soon()).await?;
//!
//! store.delete(b"greeting", Expected::Present, soon()).await?;
//! assert_eq!(store.get(b"greeting", soon()).await?, None);
//! # Ok(())
//! # }
//! ```
//!
//! | question | file |
//! |---|---|
//! | how is a cluster found and used? | `connect_options.rs`, `gryadka.rs` |
//! | when is a later configuration looked for? | `following.rs` |
//! | registers with versions, compare-and-set, deletes? | `register.rs`; watching one: `watching.rs` |
//! | which errors can a caller get? | `error.rs`, `limits.rs` |
//! | how does a change run and end? | `store.rs`, `pending_change.rs`; the rules: `caspaxos::KeyProposer` |
//! | how are changes, reads and collections driven? | `engine.rs`, `engine/hosted.rs` |
//! | how do requests travel together? | `acceptor_client.rs` |
//! | how is one connection kept to a server? | `connection.rs` |
//! | how is a server addressed, and how does this process authenticate itself to it? | `address.rs`, `credentials.rs` |
//! | how are requests sent to Redis and native servers? | `remote_acceptor.rs`, `wire/`, `script.rs`, `scripts/` |
//! | how is a native acceptor served? | `native_server.rs`, `native_registers.rs` |
//! | how does a cluster begin, change its members, and collect tombstones? | the crate `gryadka-cluster`; what it needs of the store: `cluster_proposers.rs` |
//! | what can be asked of the cluster behind a handle? | `cluster.rs` |
//! | how is a server that has left a cluster used again? | `release.rs` |

mod acceptor_client;
mod address;
mod cluster;
mod cluster_proposers;
mod connect_options;
mod connection;
mod credentials;
mod engine;
mod error;
mod following;
mod gryadka;
mod limits;
mod native_registers;
mod native_server;
mod pending_change;
mod register;
#[cfg(test)]
mod registers_only;
mod release;
mod remote_acceptor;
mod script;
mod store;
mod watching;
mod wire;

pub use acceptor_client::{AcceptorClient, Completed, ReplyHandler};
pub use address::{AcceptorAddress, redacted};
pub use bytes::Bytes;
pub use caspaxos::{
    AcceptorId, AcceptorIdentity, AcceptorState, Ballot, CollectionOutcome, Configuration,
    ConfigurationError, Decision, Lineage, ProposerId, Quorum, Reason,
};
pub use cluster::{AcceptorStatus, ClusterStatus, Membership, MembershipOptions};
pub use connect_options::{ConnectOptions, Route};
pub use credentials::{Credentials, wants_credentials};
pub use error::ChangeError;
pub use gryadka::{ConnectError, Gryadka, fresh_proposer_id};
pub use gryadka_cluster::{
    Acceptor, AddressError, BootstrapError, ClusterConfig, ClusterConfigError, CollectorOutcome,
    Connector, Cursor, DirectoryError, Head, MembershipError, MembershipEvent, Page, Reply,
    Request, RequestError, Status, VersionedValue, Votes, wipe,
};
pub use limits::{Limits, LimitsError, TooLong};
pub use native_registers::NativeRegisters;
pub use native_server::NativeServer;
pub use register::{CasAnswer, Expected, Versioned};
pub use release::{ReleaseError, Released, release};
pub use remote_acceptor::{Access, RemoteAcceptor};
pub use store::{Options, Store};
pub use watching::Watch;

/// What a change function is shown of a register.
pub type Present<'a> = caspaxos::Present<'a, Bytes>;

/// Other rules than the protocol's own: for the gallery of mutants.
#[cfg(feature = "mutants")]
pub use caspaxos::Rules;
