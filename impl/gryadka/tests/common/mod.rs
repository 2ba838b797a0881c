//! What several tests need: real servers, and the rules without any.
#![expect(clippy::panic, reason = "a test may stop where it stands")]
#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "not every test needs all of it"
)]

mod pure;
mod redis_server;
mod words;

pub(crate) use pure::Pure;
pub(crate) use redis_server::{Redis, free_port};
pub(crate) use words::{ballot, execute, head, stamp};

use gryadka::{NativeRegisters, NativeServer, RemoteAcceptor};

/// A native server on a free port, and the way to it.
pub(crate) fn native() -> (NativeServer, RemoteAcceptor) {
    let any = "127.0.0.1:0".parse().unwrap();
    let server = NativeServer::start(any, NativeRegisters::default()).unwrap();
    let acceptor = RemoteAcceptor::new(&format!("native://{}", server.address()), "").unwrap();
    (server, acceptor)
}
