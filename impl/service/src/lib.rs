//! `gryadka`: the store over HTTP, and the tool that controls it.
//!
//! | question | file |
//! |---|---|
//! | what can a user type? | `args.rs` |
//! | what does each command do? | `command.rs`, `command/` |
//! | which exit code says what? | `exit.rs` |
//! | how is the service set up, and what is refused? | `settings.rs` |
//! | how does the service serve? | `service.rs`, `service/` |
//! | what can be asked of a cluster as a whole? | `administration.rs` |
//! | where does the binary begin? | `start.rs` |

mod administration;
mod args;
mod command;
mod exit;
mod service;
mod settings;
mod start;

pub use service::{Drained, Server, StartError, TlsError};
pub use settings::{Exposed, Limits, Settings, TlsFiles, Token, TokenTooShort, Tokens, Waived};
pub use start::main;
