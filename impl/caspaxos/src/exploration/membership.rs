//! A change of membership, step by step, as its driver makes it.

use super::cluster::World;
use super::history::Op;
use crate::AcceptorId;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// What a driver does, one after the other. Each is about the step to this epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The configuration is decided on; proposers may learn of it from now on.
    Publish(usize),
    /// Acceptors of both configurations are told, in any order, until those told meet every quorum
    /// of the one before.
    Seal(usize),
    /// An identity change under the configuration.
    Rescan(usize),
}

/// How far the driver has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Driver {
    done: usize,
    rescan: Option<usize>,
    pub(super) published: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Tell(AcceptorId, usize),
    Publish(usize),
    Rescan(usize),
    GoOn,
}

impl Driver {
    /// What the driver may do next.
    pub(super) fn steps(&self, world: &World<'_>) -> Vec<Step> {
        let configurations = &world.case.configurations;
        match world.case.plan.get(self.done) {
            None => Vec::new(),
            Some(&Act::Publish(epoch)) => Vec::from([Step::Publish(epoch)]),
            Some(&Act::Seal(epoch)) => {
                let (before, after) = (&configurations[epoch - 1], &configurations[epoch]);
                let everyone: BTreeSet<_> = &before.members() | &after.members();
                let (told, untold): (BTreeSet<_>, BTreeSet<_>) = everyone
                    .into_iter()
                    .partition(|&acceptor| world.told(acceptor) >= epoch as u64);
                let sealed = before.is_blocked_by(&told);
                let tell = untold.into_iter().map(|acceptor| Step::Tell(acceptor, epoch));
                tell.chain(sealed.then_some(Step::GoOn)).collect()
            }
            Some(&Act::Rescan(epoch)) => match self.rescan {
                None if world.process(world.driving()).is_idle() => {
                    Vec::from([Step::Rescan(epoch)])
                }
                None => Vec::new(),
                Some(number) if world.history.is_answered(number) => Vec::from([Step::GoOn]),
                Some(_) => Vec::new(),
            },
        }
    }
}

/// Takes one step.
pub(super) fn drive(world: &mut World<'_>, step: Step) {
    match step {
        Step::Tell(acceptor, epoch) => world.set_epoch(acceptor, epoch as u64),
        Step::Publish(epoch) => {
            world.driver.published = epoch;
            world.driver.done += 1;
        }
        Step::Rescan(epoch) => {
            let configuration = world.case.configurations[epoch].clone();
            world.with_process(world.driving(), |process, history| {
                process.proposer.reconfigure(configuration);
                process.ask(Op::Read, history)
            });
            world.driver.rescan = world.history.last();
        }
        Step::GoOn => {
            world.driver.rescan = None;
            world.driver.done += 1;
        }
    }
}
