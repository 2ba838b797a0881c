//! A native acceptor as seen from a proposer: the commands of `native_server.rs`.

use crate::connection::{AddressError, Connection};
use crate::{Acceptor, Lost, reply};
use bytes::Bytes;
use caspaxos::{Reply, Request};

/// An acceptor that is a [`crate::NativeServer`] somewhere.
#[derive(Debug)]
pub struct NativeAcceptor {
    connection: Connection,
}

impl NativeAcceptor {
    /// An acceptor at `address` (`redis://host:port`: the framing is Redis'). Connects when first
    /// used.
    ///
    /// # Errors
    /// [`AddressError`] when the address cannot be understood.
    pub fn new(address: &str) -> Result<Self, AddressError> {
        Ok(Self { connection: Connection::to(address)? })
    }
}

impl Acceptor for NativeAcceptor {
    async fn call(&self, key: Bytes, request: Request<Bytes>) -> Result<Reply<Bytes>, Lost> {
        let stage = request.stage();
        let command = match &request {
            Request::Prepare { ballot } => {
                let mut command = redis::cmd("PREPARE");
                command.arg(key.as_ref()).arg(ballot.counter).arg(ballot.proposer.0);
                command
            }
            Request::Accept { ballot, value, promise } => {
                let mut command = redis::cmd("ACCEPT");
                command.arg(key.as_ref()).arg(ballot.counter).arg(ballot.proposer.0);
                command.arg(promise.counter).arg(promise.proposer.0);
                if let Some(value) = value {
                    command.arg(value.as_ref());
                }
                command
            }
        };
        let value = self.connection.run(async |connection| command.query_async(connection).await);
        reply::parse(stage, &value.await?)
    }
}
