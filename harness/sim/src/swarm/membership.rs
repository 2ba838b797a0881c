//! How acceptors come and go in the worlds of the swarm.

use super::{MS, one_of};
use crate::document::Voters;
use crate::fault::{Fault, Memory, Trouble};
use crate::setup::{Membership, Setup};
use caspaxos::plan;
use rand::RngExt;
use rand_pcg::Pcg32;
use std::collections::BTreeSet;

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
    Some(Membership {
        at: random.random_range(0..=horizon / 2),
        steps: through(setup, &goals),
        pause: one_of(random, &[0, 5, 20]) * MS,
        crashes: one_of(random, &[0.0, 0.0, 0.1, 0.3]),
        gossip: one_of(random, &[5, 20, 60]) * MS,
        leavers_gone: random.random_bool(0.5),
        rejoined: if matches!(way, Rejoin) { vec![(fresh, leaver)] } else { Vec::new() },
    })
}

/// The steps from goal to goal.
pub(crate) fn through(setup: &Setup, goals: &[BTreeSet<u32>]) -> Vec<Voters> {
    let mut at = setup.voters().configuration(0);
    let mut steps = Vec::new();
    for goal in goals {
        let goal = goal.iter().copied().map(caspaxos::AcceptorId).collect();
        for step in plan(&at, &goal).unwrap_or_default() {
            steps.push(Voters::of(&step));
            at = step;
        }
    }
    steps
}

/// What a change of membership brings with it: a memory that is lost before it is joined again.
pub(super) fn faults(membership: &Membership) -> impl Iterator<Item = Fault> {
    membership.rejoined.iter().map(|(_, old)| Fault {
        at: membership.at,
        lasts: MS,
        what: Trouble::CrashAcceptor { acceptor: *old, memory: Memory::Wiped, silent: false },
    })
}
