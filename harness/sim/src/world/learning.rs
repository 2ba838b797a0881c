//! How proposers learn of a change of membership: when they are fenced, or from one another.

use super::network::{Control, Letter, Origin, Task};
use super::{Event, World};
use crate::document::Document;
use crate::message::{OpId, Phase};
use crate::situation::Situation;
use caspaxos::Ballot;
use rand::RngExt;
use std::rc::Rc;

/// How long a proposer waits before it asks again, in nanoseconds.
const ASKS_EVERY: u64 = 2_000_000;

impl World<'_> {
    /// An acceptor has told a proposer that it is behind: it asks everyone that it knows.
    pub(super) fn fenced(&mut self, proposer: u32, epoch: u64) {
        let now = self.now;
        let process = self.process(proposer);
        let (at, number) = process.learning.unwrap_or_default();
        let asked_just_now = number > 0 && at + ASKS_EVERY > now;
        if process.document.epoch >= epoch || asked_just_now {
            return;
        }
        process.learning = Some((now, number + 1));
        let (life, members) = (process.life, process.document.voters.members());
        let op = OpId { client: OpId::LEARNER + proposer - 1, number };
        for acceptor in members {
            let (task, phase, attempt, copy) = (Task::Learning, Phase::Control, 0, 0);
            let (key, ballot) = ("".into(), Ballot::ZERO);
            let origin =
                Origin { task, op, attempt, phase, proposer, life, acceptor, copy, key, ballot };
            self.send_request(origin, Letter::Control(Control::Report));
        }
    }

    /// A proposer hears of a configuration, and works under it if it is later than its own.
    pub(super) fn learn(&mut self, proposer: u32, document: &Rc<Document>) {
        let process = self.process(proposer);
        let Some(core) = &mut process.proposer else { return };
        if core.reconfigure(document.configuration()) {
            process.document = document.clone();
            let epoch = document.epoch;
            self.record.line(self.now, || format!("p{proposer} works under epoch {epoch}"));
            self.record.met(Situation::ConfigurationLearnt);
        }
    }

    pub(super) fn schedule_gossip(&mut self) {
        let Some(membership) = &self.setup.membership else { return };
        let wait = self.gossip.random_range(0..=membership.gossip);
        self.put_after(wait.max(1), Event::Gossip);
    }

    /// Somebody hears of the configuration from somebody else.
    pub(super) fn on_gossip(&mut self) {
        let all = self.setup.driver();
        let (from, to) = (self.gossip.random_range(1..=all), self.gossip.random_range(1..=all));
        let document = self.process(from).document.clone();
        if self.process(to).hold.is_none() {
            self.learn(to, &document);
        }
        self.schedule_gossip();
    }
}
