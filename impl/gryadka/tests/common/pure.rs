//! The rules themselves, called as if they were far away.

use caspaxos::{Faithful, Member, RejectReason};
use gryadka::{
    Acceptor, AcceptorIdentity, AcceptorState, Bytes, Cursor, Head, Page, Reply, Request,
    RequestError, Status,
};
use std::sync::Mutex;

#[derive(Default)]
pub(crate) struct Pure(Mutex<(Member<Bytes, Bytes>, Bytes)>);

fn lost(turned: RejectReason) -> RequestError {
    match turned {
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
        let mut held = self.0.lock().unwrap();
        let mut handle = |(key, request)| {
            held.0.handle(&Faithful, (identity, epoch), &key, request).map_err(lost)
        };
        requests.into_iter().map(&mut handle).collect()
    }

    async fn status(&self) -> Result<Status, RequestError> {
        let held = self.0.lock().unwrap();
        let (state, config) = (held.0.state(), held.1.clone());
        Ok(Status { state, config, server: Default::default() })
    }

    async fn admit(&self, state: AcceptorState, config: Bytes, _: u64) -> Result<(), RequestError> {
        let mut held = self.0.lock().unwrap();
        let new = held.0.state().is_none();
        held.0.join(state).map_err(lost)?;
        if new {
            held.1 = config;
        }
        Ok(())
    }

    async fn set_epoch(
        &self,
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    ) -> Result<(), RequestError> {
        let mut held = self.0.lock().unwrap();
        held.0.set_epoch(identity, epoch).map_err(lost)?;
        if held.0.state().is_some_and(|state| state.epoch == epoch) {
            held.1 = config;
        }
        Ok(())
    }

    async fn retire(&self, identity: AcceptorIdentity, epoch: u64) -> Result<(), RequestError> {
        let mut held = self.0.lock().unwrap();
        match held.0.state() {
            Some(state) if state.identity != identity => Err(RequestError::NotMember),
            Some(state) if state.epoch > epoch => Err(RequestError::Fenced { epoch: state.epoch }),
            Some(_) | None => {
                held.0.leave();
                Ok(())
            }
        }
    }

    async fn erase(&self, keys: Vec<Bytes>) -> Result<u64, RequestError> {
        let held = self.0.lock().unwrap();
        if held.0.state().is_some() {
            return Err(RequestError::NotMember);
        }
        // They go together, when the wipe is finished.
        Ok(keys.iter().filter(|key| held.0.registers().contains_key(*key)).count() as u64)
    }

    async fn finish_wipe(&self, _: u64) -> Result<(), RequestError> {
        let mut held = self.0.lock().unwrap();
        if held.0.state().is_some() {
            return Err(RequestError::NotMember);
        }
        *held = (Member::default(), Bytes::new());
        Ok(())
    }

    async fn list(&self, _: Cursor) -> Result<Page, RequestError> {
        let keys = self.0.lock().unwrap().0.registers().keys().cloned().collect();
        Ok(Page { keys, next: None })
    }

    async fn tombstones(&self, _: Cursor) -> Result<Page, RequestError> {
        let held = self.0.lock().unwrap();
        let dead = held.0.registers().iter().filter(|(_, register)| {
            register.value.as_ref().is_none_or(|cell| cell.value.is_none())
        });
        Ok(Page { keys: dead.map(|(key, _)| key.clone()).collect(), next: None })
    }
}
