//! A native server for a test.

use gryadka::{NativeRegisters, NativeServer, RemoteAcceptor};

/// A native server on a free port, and the way to it.
pub(crate) fn native() -> (NativeServer, RemoteAcceptor) {
    let any = "127.0.0.1:0".parse().unwrap();
    let server = NativeServer::start(any, NativeRegisters::default()).unwrap();
    let acceptor = RemoteAcceptor::new(&format!("native://{}", server.address()), "").unwrap();
    (server, acceptor)
}
