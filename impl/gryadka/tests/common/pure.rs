//! The rules themselves, called as if they were far away.

use caspaxos::{Faithful, Member, Turned};
use gryadka::{Acceptor, Bytes, Cursor, Head, Lost, Page, Reply, Request, Stamp, Standing, Status};
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Default)]
pub(crate) struct Pure(Mutex<(Member<Bytes, Bytes>, Bytes)>);

fn lost(turned: Turned) -> Lost {
    match turned {
        Turned::NotMember => Lost::NotMember,
        Turned::Fenced(epoch) => Lost::Fenced { epoch },
    }
}

impl Acceptor for Pure {
    async fn call(
        &self,
        Head { stamp, epoch }: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, Lost>> {
        let mut state = self.0.lock().unwrap();
        let mut handle =
            |(key, request)| state.0.handle(&Faithful, (stamp, epoch), &key, request).map_err(lost);
        requests.into_iter().map(&mut handle).collect()
    }

    async fn status(&self) -> Result<Status, Lost> {
        let state = self.0.lock().unwrap();
        let (standing, document) = (state.0.standing(), state.1.clone());
        Ok(Status { standing, document, server: BTreeMap::new() })
    }

    async fn admit(&self, standing: Standing, document: Bytes) -> Result<(), Lost> {
        let mut state = self.0.lock().unwrap();
        let new = state.0.standing().is_none();
        state.0.join(standing).map_err(lost)?;
        if new {
            state.1 = document;
        }
        Ok(())
    }

    async fn tell(&self, stamp: Stamp, epoch: u64, document: Bytes) -> Result<(), Lost> {
        let mut state = self.0.lock().unwrap();
        state.0.tell(stamp, epoch).map_err(lost)?;
        if state.0.standing().is_some_and(|held| held.epoch == epoch) {
            state.1 = document;
        }
        Ok(())
    }

    async fn retire(&self, stamp: Stamp, epoch: u64) -> Result<(), Lost> {
        let mut state = self.0.lock().unwrap();
        match state.0.standing() {
            Some(held) if held.stamp != stamp => Err(Lost::NotMember),
            Some(held) if held.epoch > epoch => Err(Lost::Fenced { epoch: held.epoch }),
            Some(_) | None => {
                state.0.leave();
                Ok(())
            }
        }
    }

    async fn wipe(&self) -> Result<u64, Lost> {
        let mut state = self.0.lock().unwrap();
        if state.0.standing().is_some() {
            return Err(Lost::NotMember);
        }
        let erased = state.0.registers().len() as u64;
        *state = (Member::default(), Bytes::new());
        Ok(erased)
    }

    async fn list(&self, _: Cursor) -> Result<Page, Lost> {
        let keys = self.0.lock().unwrap().0.registers().keys().cloned().collect();
        Ok(Page { keys, next: None })
    }

    async fn hints(&self, _: Cursor) -> Result<Page, Lost> {
        let state = self.0.lock().unwrap();
        let dead = state.0.registers().iter().filter(|(_, register)| {
            register.value.as_ref().is_none_or(|cell| cell.value.is_none())
        });
        Ok(Page { keys: dead.map(|(key, _)| key.clone()).collect(), next: None })
    }
}
