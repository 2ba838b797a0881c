//! A second opinion on the protocol, by another model checker.
//!
//! The crate's own exploration visits every schedule with a search, a state and invariants of its
//! own making. Here [stateright](https://docs.rs/stateright) does the searching and judges what
//! the clients saw: in every state the history of their calls must be linearizable. No symmetry is
//! used, and nothing looks into the acceptors.
//!
//! | question | file |
//! |---|---|
//! | what is an append list, and what is a history of one? | `calls.rs` |
//! | which states are there, and what leads from one to the next? | `cluster.rs` |
//! | which cases hold, and how many states has each? | `cases.rs` |
//! | which mutants are found, and along which path? | `mutants.rs` |
//! | when do two rounds stand alike? | `equality.rs` |

mod calls;
mod cases;
mod cluster;
mod equality;
mod mutants;
