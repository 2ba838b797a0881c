//! How every key is committed again in the course of a step: by copies, or by changes.

use super::driving::Part;
use super::network::{Letter, Origin};
use super::{Event, World};
use crate::change::Held;
use crate::setup::Rescan;
use crate::situation::Situation;
use caspaxos::{AcceptorId, CopyProgress, Copying, Reply, Turned};
use harness_history::{Function, Value};

impl World<'_> {
    /// Takes up the next key, or goes on when there is none.
    pub(super) fn rescan_next(&mut self) {
        self.driver.copying = None;
        let Some(key) = self.driver.left.front().cloned() else {
            return self.begin_part(Part::Settling);
        };
        self.begin_key(self.answers());
        let Some((document, _)) = self.driver.document.clone() else { return };
        let copies = self
            .setup
            .membership
            .as_ref()
            .is_some_and(|membership| membership.rescan == Rescan::Copy);
        let Some(before) = document.before.as_ref().filter(|before| {
            copies && before.members().iter().all(|id| self.driver.told.contains(&AcceptorId(*id)))
        }) else {
            return self.rescan_by_round();
        };
        let (copying, progress) =
            Copying::begin(before.configuration(document.epoch - 1), document.configuration());
        self.driver.copying = Some((key, copying));
        self.follow_copy(progress);
    }

    /// Commits the value of the next key again, by a change that keeps it.
    pub(super) fn rescan_by_round(&mut self) {
        self.driver.copying = None;
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

    pub(super) fn on_copy_reply(&mut self, origin: &Origin, reply: Result<Reply<Held>, Turned>) {
        if origin.op.number != self.driver.number {
            return;
        }
        if self.driver.part == Part::Aging {
            if reply.is_err() {
                return;
            }
            self.driver.waiting.remove(&origin.acceptor);
            return self.aged();
        }
        let Ok(reply) = reply else { return self.on_copy_lost(origin) };
        let Some((_, copying)) = &mut self.driver.copying else { return };
        let progress = copying.on_reply(AcceptorId(origin.acceptor), reply);
        self.follow_copy(progress);
    }

    pub(super) fn on_copy_lost(&mut self, origin: &Origin) {
        let Some((_, copying)) = &mut self.driver.copying else { return };
        let progress = copying.on_lost(AcceptorId(origin.acceptor));
        self.follow_copy(progress);
    }

    /// Goes on once an accept quorum is old enough.
    fn aged(&mut self) {
        let Some((document, _)) = &self.driver.document else { return };
        let accept = &document.voters.accept;
        if accept.of.difference(&self.driver.waiting).count() >= accept.size {
            self.begin_rescan();
        }
    }

    fn follow_copy(&mut self, progress: CopyProgress<Held>) {
        let Some((key, _)) = &self.driver.copying else { return };
        let (key, epoch) = (key.clone(), self.driver.document.as_ref().map_or(0, |it| it.0.epoch));
        match progress {
            CopyProgress::Wait => {}
            CopyProgress::Send(requests) => {
                let phase = requests.first().map(|(_, request)| request.stage().into());
                let letter = |(AcceptorId(id), request)| (id, Letter::Register(epoch, request));
                let letters = requests.into_iter().map(letter).collect();
                if let Some(phase) = phase {
                    self.driver_sends(phase, &key, letters);
                }
            }
            CopyProgress::Copied => {
                self.record.met(Situation::RescannedByCopy);
                self.driver.left.pop_front();
                self.rescan_next();
            }
            CopyProgress::NeedsRound => {
                self.record.met(Situation::CopyRefused);
                self.rescan_by_round();
            }
        }
    }
}
