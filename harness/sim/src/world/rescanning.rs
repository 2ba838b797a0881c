//! How every key is committed again in the course of a step: by changes that keep it.

use super::driving::Part;
use super::network::Origin;
use super::{Event, World};
use crate::change::Content;
use caspaxos::{RejectReason, Reply};
use harness_history::{Function, Value};

impl World<'_> {
    /// Takes up the next key, or goes on when there is none.
    pub(super) fn rescan_next(&mut self) {
        let Some(key) = self.driver.left.front().cloned() else {
            return self.begin_part(Part::Settling);
        };
        self.begin_key(2 * self.tries());
        self.ask_key(&key, Function::Read, Value::Null, None);
    }

    /// Gives the key a name of its own, and says how long it may take.
    fn begin_key(&mut self, patience: u64) {
        self.begin_number();
        let (life, number) = self.driver_name();
        self.put_after(patience, Event::Drive { life, number });
    }

    /// An acceptor has answered that its promise_floor is raised.
    pub(super) fn on_floor_raised(
        &mut self,
        origin: &Origin,
        reply: &Result<Reply<Content>, RejectReason>,
    ) {
        if origin.op.number != self.driver.number || self.driver.part != Part::RaisingFloors {
            return;
        }
        if reply.is_ok() {
            self.driver.waiting.remove(&origin.acceptor);
            self.raised_floor();
        }
    }

    /// Goes on once an accept quorum is old enough.
    fn raised_floor(&mut self) {
        let Some((document, _)) = &self.driver.document else { return };
        let accept = &document.voters.accept;
        if accept.of.difference(&self.driver.waiting).count() >= accept.size {
            self.begin_rescan();
        }
    }
}
