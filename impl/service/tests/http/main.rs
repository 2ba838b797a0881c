//! The service over real sockets, with native acceptors behind it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod access;
mod client;
mod conditions;
mod described;
mod description;
mod doctor;
mod faults;
mod keys;
mod membership;
mod passwords;
mod redis;
mod refused;
mod routes;
mod running;
mod serving;
mod shutdown;
mod slow_clients;
mod starting;
mod tool;
