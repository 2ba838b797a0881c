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
    /// Acceptors of both configurations are notified, in any order, until those notified meet every quorum
    /// of the one before.
    Seal(usize),
    /// The acceptors of the configuration are given the highest promise floor of those notified, in any
    /// order, until those who have it meet all quorums.
    InheritFloors(usize),
    /// An identity change under the configuration, if an acceptor that was notified holds the register.
    Rescan(usize),
}

/// How far the driver has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Driver {
    done: usize,
    floor: Option<u64>,
    rescan: Option<usize>,
    pub(super) published: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Notify(AcceptorId, usize),
    Publish(usize),
    AskForFloors(usize),
    RaiseFloor(AcceptorId, u64),
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
                    .partition(|&acceptor| world.known_epoch(acceptor) >= epoch as u64);
                let sealed = before.is_blocked_by(&told);
                let tell = untold.into_iter().map(|acceptor| Step::Notify(acceptor, epoch));
                tell.chain(sealed.then_some(Step::GoOn)).collect()
            }
            Some(&Act::InheritFloors(epoch)) => {
                let Some(floor) = self.floor else { return Vec::from([Step::AskForFloors(epoch)]) };
                let after = &configurations[epoch];
                let (raised, lower): (BTreeSet<_>, BTreeSet<_>) = after
                    .members()
                    .into_iter()
                    .partition(|&it| world.state(it).promise_floor >= floor);
                let inherited = after.accept().met_by(&raised) && after.prepare().met_by(&raised);
                let raise = lower.into_iter().map(|acceptor| Step::RaiseFloor(acceptor, floor));
                raise.chain(inherited.then_some(Step::GoOn)).collect()
            }
            Some(&Act::Rescan(epoch)) => match self.rescan {
                None if !world.is_listed(epoch) => Vec::from([Step::GoOn]),
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
        Step::Notify(acceptor, epoch) => world.set_epoch(acceptor, epoch as u64),
        Step::Publish(epoch) => {
            world.driver.published = epoch;
            world.driver.done += 1;
        }
        Step::AskForFloors(epoch) => {
            let told =
                world.acceptors().filter(|&acceptor| world.known_epoch(acceptor) >= epoch as u64);
            world.driver.floor = told.map(|acceptor| world.state(acceptor).promise_floor).max();
        }
        Step::RaiseFloor(acceptor, floor) => world.raise_floor(acceptor, floor),
        Step::Rescan(epoch) => {
            let configuration = world.case.configurations[epoch].clone();
            world.with_process(world.driving(), |process, history| {
                process.proposer.reconfigure(configuration);
                process.ask(Op::Read, history)
            });
            world.driver.rescan = world.history.last();
        }
        Step::GoOn => {
            (world.driver.rescan, world.driver.floor) = (None, None);
            world.driver.done += 1;
        }
    }
}
