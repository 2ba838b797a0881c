//! The CASPaxos protocol (Rystsov, arXiv 1802.07000), pure: messages in, messages and outcomes out.
//!
//! The crate is `no_std`, so that it cannot reach a clock, a socket, a thread or randomness: the
//! store, the simulation and the exhaustive exploration all drive this very code.
//!
//! ```text
//!             Proposer::begin(key)
//!                      │
//!        nothing cached│                 │ballot and value cached
//!                      ▼                 │
//!   Send(Prepare …) ─ replies ─► Decide(present value)
//!                      │                 │ Round::decide(Put | Keep)
//!                      │                 ▼
//!                      │          Send(Accept …) ─ replies ─► Over(End)
//!                      └──── no quorum of promises ──────────────▲
//! ```
//!
//! The driver's contract: carry every request to its acceptor at most once (or say
//! [`Delivery::MayRepeat`]), hand in each reply with the ballot of its request, report what could
//! not be may_have_executed with [`Round::on_error`], call [`Round::give_up`] when it will
//! wait no longer, and give the
//! [`End`] to [`Proposer::finish`]. Only one round per key may be open on one proposer.
//!
//! | question | file |
//! |---|---|
//! | how are ballots ordered? | `ballot.rs` |
//! | which quorums are safe together? | `configuration.rs` |
//! | what does an acceptor promise and accept? | `acceptor.rs` |
//! | whom does it listen to, and what does it erase? | `member.rs` |
//! | what does a register hold? | `versioned_value.rs` |
//! | what travels between them? | `message.rs` |
//! | how does one change run, and how can it end? | `round.rs` |
//! | what does a proposer remember between changes? | `proposer.rs` |
//! | how do the changes of one key share rounds, wait and end? | `key_proposer.rs`, `key_proposer/` |
//! | when is a read done without a round? | `quorum_read.rs` |
//! | how is a deleted register erased? | `collection.rs` |
//! | how does one set of acceptors become another? | `membership.rs` |
//! | which rules does safety hang on? | `rules.rs` |
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
mod versioned_value;

pub use acceptor::{Ballots, Register};
pub use ballot::{Ballot, HIGHEST_NUMBER, ProposerId};
pub use collection::{CollectProgress, Collection, CollectionOutcome};
pub use configuration::{AcceptorId, Configuration, ConfigurationError, Quorum};
pub use key_proposer::{Change, Context, Effect, KeyProposer, Present};
pub use machine::{Progress, Requests};
pub use member::{AcceptorIdentity, AcceptorState, Member, RejectReason};
pub use membership::plan;
pub use message::{Reply, Request, Stage};
pub use proposer::{Proposer, Weigh};
pub use quorum_read::{QuorumRead, ReadProgress};
pub use round::{Decision, Delivery, End, Outcome, Proposal, Reason, Round};
pub use rules::{Faithful, Rules};
pub use versioned_value::{Ancestry, Lineage, VersionedValue};
