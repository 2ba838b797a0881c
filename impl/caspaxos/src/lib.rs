//! The CASPaxos protocol (Rystsov, arXiv 1802.07000), pure: messages in, messages and outcomes out.
//!
//! The crate is `no_std`, so that it cannot reach a clock, a socket, a thread or randomness: the
//! store, the simulation and the exhaustive exploration all drive this very code.
//!
//! A *round* (`round.rs`) commits one value of one register. Three machines run rounds, or do without:
//! [`KeyProposer`] for changes, [`QuorumRead`] for reads, [`Collection`] for erasing. All three are driven
//! through [`Machine`], which says what a driver must do.
//!
//! | question | file |
//! |---|---|
//! | how are ballots ordered? | `ballot.rs` |
//! | which quorums are safe together? | `configuration.rs` |
//! | what does an acceptor promise and accept? | `acceptor.rs` |
//! | which requests does it refuse to look at, and what does it erase? | `member.rs` |
//! | what does a register hold? | `versioned_value.rs` |
//! | what travels between them? | `message.rs` |
//! | how are machines driven? | `machine.rs` |
//! | how does one change run, and how can it end? | `round.rs` |
//! | what does a proposer remember between changes? | `proposer.rs` |
//! | how do the changes of one key share rounds, wait and end? | `key_proposer.rs`, `key_proposer/` |
//! | when is a read done without a round? | `quorum_read.rs` |
//! | how is a deleted register erased? | `collection.rs` |
//! | how does one set of acceptors become another? | `membership.rs` |
//! | which rules does safety hang on? | `rules.rs` |
//! | what does a wrong rule lead to? | `round/mutants.rs`, `quorum_read/mutants.rs`, `proposer/mutants.rs` |
//! | what do simulations see beside that? | `testing.rs` |
//! | how is all of it tried, in every order? | `exploration/`, `second_opinion/` |
#![no_std]
#[cfg(test)]
extern crate std;

extern crate alloc;

mod acceptor;
mod ballot;
mod collection;
mod configuration;
#[cfg(test)]
mod exploration;
mod key_proposer;
mod machine;
mod member;
mod membership;
mod message;
mod proposer;
mod quorum_read;
mod round;
mod rules;
#[cfg(test)]
mod second_opinion;
#[cfg(any(test, feature = "testing"))]
mod testing;
mod versioned_value;

pub use acceptor::{Ballots, Register};
pub use ballot::{Ballot, HIGHEST_NUMBER, ProposerId};
pub use collection::{Collection, CollectionOutcome};
pub use configuration::{AcceptorId, Configuration, ConfigurationError, Quorum};
pub use key_proposer::{Change, KeyProposer, Present};
pub use machine::{Context, Machine, Progress, RequestId, Requests};
pub use member::{AcceptorIdentity, AcceptorState, Member, RejectReason};
pub use membership::plan;
pub use message::{Reply, Request, Stage};
pub use proposer::{Proposer, Weigh};
pub use quorum_read::{QuorumRead, ReadOutcome};
pub use round::{Decision, Outcome, Reason};
pub use rules::{Faithful, Rules};
pub use versioned_value::{Ancestry, Lineage, VersionedValue};
