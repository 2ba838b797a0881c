//! The rules of an acceptor alone, behind the interface of a remote one.

use caspaxos::{Faithful, Member, RejectReason};
use gryadka::{
    Acceptor, AcceptorIdentity, AcceptorState, Bytes, Cursor, Head, Page, Reply, Request,
    RequestError, Status,
};
use std::sync::Mutex;

#[derive(Default)]
pub(crate) struct Pure(Mutex<(Member<Bytes, Bytes>, Bytes)>);

fn rejected(reason: RejectReason) -> RequestError {
    match reason {
        RejectReason::NotMember => RequestError::NotMember,
        RejectReason::Fenced(epoch) => RequestError::Fenced { epoch },
    }
}

impl Acceptor for Pure {
    async fn call(
        &self,
        Head { identity, epoch }: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        let mut memory = self.0.lock().unwrap();
        let mut handle = |(key, request)| {
            memory.0.handle(&Faithful, (identity, epoch), &key, request).map_err(rejected)
        };
        requests.into_iter().map(&mut handle).collect()
    }

    async fn status(&self) -> Result<Status, RequestError> {
        let memory = self.0.lock().unwrap();
        let (state, config) = (memory.0.state(), memory.1.clone());
        Ok(Status { state, config, server: Default::default() })
    }

    async fn admit(&self, state: AcceptorState, config: Bytes, _: u64) -> Result<(), RequestError> {
        let mut memory = self.0.lock().unwrap();
        let new = memory.0.state().is_none();
        memory.0.join(state).map_err(rejected)?;
        if new {
            memory.1 = config;
        }
        Ok(())
    }

    async fn set_epoch(
        &self,
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    ) -> Result<(), RequestError> {
        let mut memory = self.0.lock().unwrap();
        memory.0.set_epoch(identity, epoch).map_err(rejected)?;
        if memory.0.state().is_some_and(|state| state.epoch == epoch) {
            memory.1 = config;
        }
        Ok(())
    }

    async fn retire(&self, identity: AcceptorIdentity, epoch: u64) -> Result<(), RequestError> {
        let mut memory = self.0.lock().unwrap();
        match memory.0.state() {
            Some(state) if state.identity != identity => Err(RequestError::NotMember),
            Some(state) if state.epoch > epoch => Err(RequestError::Fenced { epoch: state.epoch }),
            Some(_) | None => {
                memory.0.leave();
                Ok(())
            }
        }
    }

    async fn erase(&self, keys: Vec<Bytes>) -> Result<u64, RequestError> {
        let memory = self.0.lock().unwrap();
        if memory.0.state().is_some() {
            return Err(RequestError::NotMember);
        }
        // The registers go together, when the wipe is finished.
        Ok(keys.iter().filter(|key| memory.0.registers().contains_key(*key)).count() as u64)
    }

    async fn finish_wipe(&self, _: u64) -> Result<(), RequestError> {
        let mut memory = self.0.lock().unwrap();
        if memory.0.state().is_some() {
            return Err(RequestError::NotMember);
        }
        *memory = (Member::default(), Bytes::new());
        Ok(())
    }

    async fn list(&self, _: Cursor) -> Result<Page, RequestError> {
        let keys = self.0.lock().unwrap().0.registers().keys().cloned().collect();
        Ok(Page { keys, next: None })
    }

    async fn tombstones(&self, _: Cursor) -> Result<Page, RequestError> {
        let memory = self.0.lock().unwrap();
        let dead = memory.0.registers().iter().filter(|(_, register)| {
            register.value.as_ref().is_none_or(|versioned| versioned.value.is_none())
        });
        Ok(Page { keys: dead.map(|(key, _)| key.clone()).collect(), next: None })
    }
}
