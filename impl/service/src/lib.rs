//! `gryadka`: the store over HTTP, and the tool that controls it.
//!
//! | question | file |
//! |---|---|
//! | what can a user type? | `args.rs`, `args/` |
//! | what does each command do? | `command.rs`, `command/` |
//! | what does each exit code mean? | `exit.rs` |
//! | how is the service set up, and what is refused? | `settings.rs` |
//! | how does the service serve? | `service.rs`, `service/` |
//! | what can be asked of a cluster as a whole? | `administration.rs`; how is it shown? `overview.rs` |
//! | what is wrong with an acceptor? | `diagnosis.rs`, `diagnosis/` |
//! | how are acceptors reached that are elsewhere than their addresses say? | `routes.rs` |
//! | where does the binary begin? | `start.rs` |

mod administration;
mod args;
mod command;
mod diagnosis;
mod exit;
mod overview;
mod routes;
mod service;
mod settings;
mod start;

pub use service::{Drained, Server, StartError, TlsError};
pub use settings::{Exposed, Limits, Settings, TlsFiles, Token, TokenTooShort, Tokens, Waived};
pub use start::{main, run_with};
