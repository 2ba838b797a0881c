//! Decides whether a history is linearizable, and explains why not.
//!
//! The checker is pure: no clock, thread, file or randomness. Time is handed in with a [`Budget`];
//! [`split`] gives the caller one [`KeyHistory`] per object, to be checked in parallel.
//!
//! ```text
//! operations ─ split ─> key histories ─ check_key ─> verdicts ─ Check::with ─> answer
//!                                       │
//!                                       ├ decide: unique (T1), or plan ─> search (T2)
//!                                       └ of a violation: shrink, explain
//! ```
//!
//! | question | file |
//! |---|---|
//! | which models are there, and how is a history to be read? | `settings.rs` |
//! | what do the JSON values of an operation mean? | `parse.rs`, `error.rs` |
//! | what does the answer of a change say? | `told.rs` |
//! | how is a history cut into objects? | `key_history.rs` |
//! | what does an operation do to an object? | `action.rs`, `space.rs` |
//! | how are values with one writer each decided? | `unique.rs` |
//! | how is everything else decided? | `search.rs`, `plan.rs`, `configuration.rs` |
//! | which steps of the search are not worth taking? | `guide.rs` and one file a family of models |
//! | how much may it cost? | `budget.rs` |
//! | what is the answer? | `decide.rs`, `check.rs` |
//! | which calls prove a violation? | `shrink.rs` |
//! | how is that told? | `explain.rs`, `flaw.rs`, `words.rs` |

mod action;
mod budget;
mod check;
mod configuration;
mod decide;
mod error;
mod explain;
mod flaw;
mod guide;
mod key_history;
mod parse;
mod plan;
mod search;
mod settings;
mod shrink;
mod space;
mod told;
mod unique;
mod words;

pub use budget::Budget;
pub use check::{Answer, Check, KeyOutcome, KeyVerdict, Limit, Undecided, check, check_key};
pub use error::ModelError;
pub use key_history::{KeyHistory, split};
pub use settings::{Answers, FailedCas, ModelKind, NilRead, Settings, UnknownModel};
