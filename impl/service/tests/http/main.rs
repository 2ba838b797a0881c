//! The service over real sockets, with native acceptors behind it.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod access;
mod client;
mod conditions;
mod described;
mod description;
mod doctor;
mod faults;
mod impatience;
mod keys;
mod membership;
mod passwords;
mod redis;
mod refused;
mod routes;
mod running;
mod serving;
mod shutdown;
mod starting;
mod tool;
