//! Which acceptors a cluster has, how they change, and what is erased: procedures that are safe to interrupt
//! at any point and to repeat.
//!
//! They are asynchronous functions over three traits, and know no socket, clock or randomness of their
//! own. The store runs them over Redis and tokio; the seeded world polls the very same functions over its
//! virtual network, and drops them in the middle of anything.
//!
//! ```text
//!   bootstrap ─┐                      ┌─► Acceptor: an acceptor's administration, and its registers
//!   Driver ────┼── async procedures ──┼─► Proposers: a proposer under one configuration
//!   Collector ─┘                      └─► Clock: time
//! ```
//!
//! | question | file |
//! |---|---|
//! | what can an acceptor be asked to do? | `acceptor.rs` |
//! | what do the procedures need of the store and of time? | `proposers.rs`, `clock.rs` |
//! | what does a cluster's configuration record hold? | `cluster_config.rs` |
//! | how are the acceptors found, and the latest configuration? | `directory.rs` |
//! | how does a cluster begin? | `bootstrap.rs` |
//! | what does an acceptor remember, and how does it answer? | `memory.rs` |
//! | how is an acceptor made empty? | `wipe.rs` |
//! | how do the members change? | `membership.rs`, `membership/` |
//! | how are all keys of an acceptor listed, though its server may restart? | `listing.rs` |
//! | how are tombstones collected? | `collector.rs` |

mod acceptor;
mod bootstrap;
mod clock;
mod cluster_config;
mod collector;
mod directory;
mod listing;
mod membership;
mod memory;
mod proposers;
mod wipe;

pub use acceptor::{
    Acceptor, Cursor, Head, Page, Reply, Request, RequestError, Status, VersionedValue,
};
pub use bootstrap::{BootstrapError, bootstrap};
pub use clock::Clock;
pub use cluster_config::{ClusterConfig, ClusterConfigError, KEY, Votes};
pub use collector::{Collector, CollectorOutcome};
pub use directory::{AddressError, Connector, Directory, DirectoryError, Found};
pub use membership::{Aim, Driver, MembershipError, MembershipEvent, Target};
pub use memory::{AcceptorMemory, Rejection};
pub use proposers::{Proposers, RegisterChange, Registers};
pub use wipe::wipe;
