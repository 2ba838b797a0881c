//! How acceptors come and go in the worlds of the swarm.

use super::{MS, one_of};
use crate::fault::{Effect, Fault, Memory, Trouble};
use crate::setup::{Membership, Setup};
use rand::RngExt;
use rand_pcg::Pcg32;
use std::collections::BTreeSet;
use workloads::Link;

/// What becomes of the acceptors.
#[derive(Debug, Clone, Copy)]
enum Way {
    Grow,
    Shrink,
    Replace,
    /// Two more, and back again.
    UpAndDown,
    /// One after the other by an empty one.
    ReplaceAll,
    /// One that has lost its memory joins again, under another number.
    Rejoin,
}

/// Draws a change of membership, if this world has one.
pub(super) fn draw(random: &mut Pcg32, setup: &Setup, horizon: u64) -> Option<Membership> {
    use Way::{Grow, Rejoin, Replace, ReplaceAll, Shrink, UpAndDown};
    if random.random_bool(0.6) {
        return None;
    }
    let way = one_of(random, &[Grow, Shrink, Replace, UpAndDown, ReplaceAll, Rejoin]);
    let first: BTreeSet<u32> = (1..=setup.acceptors).collect();
    let fresh = setup.acceptors + 1;
    let leaver = random.random_range(1..=setup.acceptors);
    let mut goals = vec![first.clone()];
    let mut go = |leave: &[u32], join: &[u32]| {
        let mut goal = goals.last().cloned().unwrap_or_default();
        goal.retain(|number| !leave.contains(number));
        goal.extend(join);
        goals.push(goal);
    };
    match way {
        Grow => go(&[], &[fresh]),
        Shrink => go(&[leaver], &[]),
        Replace | Rejoin => go(&[leaver], &[fresh]),
        UpAndDown => {
            go(&[], &[fresh, fresh + 1]);
            go(&[leaver, fresh], &[]);
        }
        ReplaceAll => (0..3).for_each(|turn| go(&[turn + 1], &[fresh + turn])),
    }
    let leavers_gone = random.random_bool(0.5);
    // Servers that are switched off cannot be asked to found a cluster.
    let founders = match (leavers_gone, random.random_range(0..=2_u32)) {
        (true, _) | (false, 0) => Vec::new(),
        (false, number) => draw_founders(random, setup, number, horizon),
    };
    Some(Membership {
        at: random.random_range(0..=horizon / 2),
        goals: goals.split_off(1),
        pause: one_of(random, &[0, 5, 20]) * MS,
        crashes: one_of(random, &[0.0, 0.0, 0.1, 0.3]),
        gossip: one_of(random, &[5, 20, 60]) * MS,
        leavers_gone,
        founders,
        rejoined: if matches!(way, Rejoin) { vec![(fresh, leaver)] } else { Vec::new() },
    })
}

/// Processes that are started again with `--init`, most of them when the membership has changed.
fn draw_founders(random: &mut Pcg32, setup: &Setup, number: u32, horizon: u64) -> Vec<(u64, u32)> {
    let draw = |_| {
        let at = random.random_range(0..=2 * horizon);
        (at, random.random_range(1..=setup.proposers))
    };
    (0..number).map(draw).collect()
}

/// What a change of membership brings with it: a memory that is lost before it is joined again; in some worlds
/// an acceptor that misses what is written before, and servers that restart while their keys are listed.
pub(super) fn faults(random: &mut Pcg32, setup: &mut Setup, horizon: u64) -> Vec<Fault> {
    let Some(membership) = &setup.membership else { return Vec::new() };
    let crash = |at, lasts, acceptor, memory| {
        let what = Trouble::CrashAcceptor { acceptor, memory, silent: false };
        Fault { at, lasts, what }
    };
    let lost = membership.rejoined.iter();
    let mut faults: Vec<_> =
        lost.map(|(_, old)| crash(membership.at, MS, *old, Memory::Wiped)).collect();
    if random.random_bool(0.5) {
        return faults;
    }
    let (at, acceptors) = (membership.at, setup.acceptors);
    setup.load.keys = setup.load.keys.max(12);
    let misses = random.random_range(1..=acceptors);
    let links = (1..=setup.driver()).map(|proposer| Link { proposer, acceptor: misses });
    let (whom, links) = (format!("a{misses}"), links.collect());
    let what = Trouble::Links { whom, links, direction: None, effect: Effect::Cut };
    faults.push(Fault { at: 0, lasts: at, what });
    for _ in 0..random.random_range(2..=12) {
        let acceptor = random.random_range(1..=acceptors);
        let (at, lasts) = (at + random.random_range(0..=horizon), random.random_range(0..=2 * MS));
        faults.push(crash(at, lasts, acceptor, Memory::Kept));
    }
    faults
}
