//! A Redis server as an acceptor: each rule is one atomic Lua script over one hash per register.

use crate::connection::{AddressError, Connection};
use crate::{Acceptor, Lost, reply};
use bytes::Bytes;
use caspaxos::{Reply, Request};
use redis::{Script, ScriptInvocation};

/// A Redis server, version 6 or newer, as an acceptor.
///
/// It is as safe as the server is durable: `appendonly yes` with `appendfsync always`. A server
/// that has lost its data has forgotten its promises and must not be used again as if it were the
/// same acceptor.
#[derive(Debug)]
pub struct RedisAcceptor {
    connection: Connection,
    prefix: String,
    prepare: Script,
    accept: Script,
}

impl RedisAcceptor {
    /// An acceptor at `address` (`redis://host:port`), which keeps its registers under keys that
    /// begin with `prefix`. Connects when first used.
    ///
    /// # Errors
    /// [`AddressError`] when the address cannot be understood.
    pub fn new(address: &str, prefix: &str) -> Result<Self, AddressError> {
        Ok(Self {
            connection: Connection::to(address)?,
            prefix: prefix.to_owned(),
            prepare: Script::new(include_str!("scripts/prepare.lua")),
            accept: Script::new(include_str!("scripts/accept.lua")),
        })
    }

    fn invocation(&self, key: &[u8], request: &Request<Bytes>) -> ScriptInvocation<'_> {
        let register = [self.prefix.as_bytes(), key].concat();
        match request {
            Request::Prepare { ballot } => {
                let mut call = self.prepare.key(register);
                call.arg(ballot.counter).arg(ballot.proposer.0);
                call
            }
            Request::Accept { ballot, value, promise } => {
                let mut call = self.accept.key(register);
                call.arg(ballot.counter).arg(ballot.proposer.0);
                call.arg(promise.counter).arg(promise.proposer.0);
                if let Some(value) = value {
                    call.arg(value.as_ref());
                }
                call
            }
        }
    }
}

impl Acceptor for RedisAcceptor {
    async fn call(&self, key: Bytes, request: Request<Bytes>) -> Result<Reply<Bytes>, Lost> {
        let stage = request.stage();
        let invocation = self.invocation(&key, &request);
        // A server that does not know the script answers so without executing anything; it is then
        // loaded and called again, which delivers the request once.
        let value =
            self.connection.run(async |connection| invocation.invoke_async(connection).await);
        reply::parse(stage, &value.await?)
    }
}
