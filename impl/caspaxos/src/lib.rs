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
//! not be delivered with [`Round::on_lost`], call [`Round::give_up`] when it will
//! wait no longer, and give the
//! [`End`] to [`Proposer::finish`]. Only one round per key may be open on one proposer.
//!
//! | question | file |
//! |---|---|
//! | how are ballots ordered? | `ballot.rs` |
//! | which quorums are safe together? | `configuration.rs` |
//! | what does an acceptor promise and accept? | `acceptor.rs` |
//! | whom does it listen to, and what does it erase? | `member.rs` |
//! | how does one set of acceptors become another? | `membership.rs`, `membership/` |
//! | what does a register hold? | `cell.rs` |
//! | what travels between them? | `message.rs` |
//! | how does one change run, and how can it end? | `round.rs` |
//! | what does a proposer remember between changes? | `proposer.rs` |
//! | how do the changes of one key share rounds, wait and end? | `desk.rs`, `desk/` |
//! | when is a read done without a round? | `reading.rs` |
//! | how is a deleted register erased? | `collection.rs` |
//! | how does one set of acceptors become another? | `membership.rs` |
//! | which rules does safety hang on? | `rules.rs` |
#![no_std]
#[cfg(test)]
extern crate std;

extern crate alloc;

mod acceptor;
mod ballot;
mod cell;
mod collection;
mod configuration;
mod desk;
#[cfg(test)]
mod exploration;
mod member;
mod membership;
mod message;
mod proposer;
mod reading;
mod round;
mod rules;

pub use acceptor::{Held, Register};
pub use ballot::{Ballot, ProposerId};
pub use cell::{Ancestry, Cell, Lineage};
pub use collection::{CollectProgress, Collected, Collection};
pub use configuration::{AcceptorId, Configuration, ConfigurationError, Quorum};
pub use desk::{Change, Desk, Effect, Made, Present, Settled, Turn};
pub use member::{Member, Stamp, Standing, Turned};
pub use membership::{CopyProgress, Copying, plan};
pub use message::{Reply, Request, Stage};
pub use proposer::Proposer;
pub use reading::{ReadProgress, Reading};
pub use round::{Delivery, End, Outcome, Progress, Round, Step, Why};
pub use rules::{Faithful, Rules};
