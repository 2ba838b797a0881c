//! The rules of an acceptor alone, behind the interface of a remote one.

use caspaxos::Faithful;
use gryadka::{
    Acceptor, AcceptorIdentity, AcceptorState, Bytes, Cursor, Head, Page, Reply, Request,
    RequestError, Status,
};
use gryadka_cluster::{AcceptorMemory, Rejection};
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct Pure(Mutex<AcceptorMemory<Bytes, Bytes>>);

impl Pure {
    fn memory(&self) -> MutexGuard<'_, AcceptorMemory<Bytes, Bytes>> {
        self.0.lock().unwrap()
    }
}

impl Acceptor for Pure {
    async fn call(
        &self,
        Head { identity, epoch }: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        let mut memory = self.memory();
        let handle = |(key, request)| {
            let reply = memory.member_mut().handle(&Faithful, (identity, epoch), &key, request);
            reply.map_err(|reason| Rejection::from(reason).into())
        };
        requests.into_iter().map(handle).collect()
    }

    async fn status(&self) -> Result<Status, RequestError> {
        let memory = self.memory();
        let (state, config) = (memory.member().state(), memory.config().clone());
        Ok(Status { state, config, ..Status::default() })
    }

    async fn admit(
        &self,
        state: AcceptorState,
        config: Bytes,
        token: u64,
    ) -> Result<(), RequestError> {
        Ok(self.memory().admit(state, config, token)?)
    }

    async fn set_epoch(
        &self,
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    ) -> Result<(), RequestError> {
        Ok(self.memory().set_epoch(identity, epoch, config)?)
    }

    async fn retire(&self, identity: AcceptorIdentity, epoch: u64) -> Result<(), RequestError> {
        Ok(self.memory().retire(identity, epoch)?)
    }

    async fn erase(&self, keys: Vec<Bytes>) -> Result<u64, RequestError> {
        Ok(self.memory().erase(&keys)?)
    }

    async fn finish_wipe(&self, token: u64) -> Result<(), RequestError> {
        Ok(self.memory().finish_wipe(token)?)
    }

    async fn list(&self, _: Cursor) -> Result<Page, RequestError> {
        let keys = self.memory().member().registers().keys().cloned().collect();
        Ok(Page { keys, next: None })
    }

    async fn tombstones(&self, _: Cursor) -> Result<Page, RequestError> {
        let memory = self.memory();
        let dead = memory.member().registers().iter().filter(|(_, register)| {
            register.value.as_ref().is_none_or(|versioned| versioned.value.is_none())
        });
        Ok(Page { keys: dead.map(|(key, _)| key.clone()).collect(), next: None })
    }
}
