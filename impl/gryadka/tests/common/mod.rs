//! What several tests need: real servers, and the rules without any.
#![expect(clippy::panic, reason = "a test may panic")]
#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "not every test needs all of it"
)]

mod native;
mod pure;
mod redis_server;
mod words;

pub(crate) use native::native;
pub(crate) use pure::Pure;
pub(crate) use redis_server::{Redis, free_port};
pub(crate) use words::{ballot, execute, head, identity};
