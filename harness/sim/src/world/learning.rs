//! How proposers learn of a change of membership: when they are fenced, or from one another.

use super::network::{Control, Letter, Origin, Task};
use super::{Event, World, home_of};
use crate::message::{OpId, Phase};
use crate::situation::Situation;
use caspaxos::Ballot;
use gryadka_cluster::{ClusterConfig, Status};
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
        if process.config.epoch >= epoch || asked_just_now {
            return;
        }
        process.learning = Some((now, number + 1));
        let homes: Vec<u32> =
            process.config.acceptors.values().filter_map(|at| home_of(at)).collect();
        let life = process.life;
        let op = OpId { client: OpId::LEARNER + proposer - 1, number };
        for acceptor in homes {
            let (task, phase, attempt, copy) = (Task::Learning, Phase::Control, 0, 0);
            let (key, ballot) = ("".into(), Ballot::ZERO);
            let origin =
                Origin { task, op, attempt, phase, proposer, life, acceptor, copy, key, ballot };
            self.send_request(origin, Letter::Control(Control::Status));
        }
    }

    /// A proposer hears what an acceptor was told.
    pub(super) fn learn_from(&mut self, proposer: u32, status: &Status) {
        if let Ok(config) = ClusterConfig::parse(&status.config) {
            self.learn(proposer, &Rc::new(config));
        }
    }

    /// A proposer hears of a configuration of its cluster, and works under it if it is later than its own.
    pub(super) fn learn(&mut self, proposer: u32, config: &Rc<ClusterConfig>) {
        let process = self.process(proposer);
        let Some(core) = &mut process.proposer else { return };
        let Ok(configuration) = config.configuration() else { return };
        if config.cluster == process.config.cluster && core.reconfigure(configuration) {
            process.config = config.clone();
            let epoch = config.epoch;
            self.record.line(self.now, || format!("p{proposer} works under epoch {epoch}"));
            self.record.met(Situation::ConfigurationLearnt);
        }
    }

    pub(super) fn schedule_gossip(&mut self) {
        let Some(membership) = &self.setup.membership else { return };
        let wait = self.gossip.random_range(0..=membership.gossip);
        self.put_after(wait.max(1), Event::Gossip);
    }

    /// A process hears of the configuration from another one.
    pub(super) fn on_gossip(&mut self) {
        let all = self.setup.driver();
        let (from, to) = (self.gossip.random_range(1..=all), self.gossip.random_range(1..=all));
        let config = self.process(from).config.clone();
        if self.process(to).hold.is_none() {
            self.learn(to, &config);
        }
        self.schedule_gossip();
    }
}
