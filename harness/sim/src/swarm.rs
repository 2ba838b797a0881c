//! The swarm: every seed draws its own world, so that each leaves out what others overdo.
//!
//! The idea is that of swarm testing (Groce et al., ISSTA 2012): a mixture of all faults at all
//! times hides what only shows where some of them are absent.

mod membership;

use crate::fault::{Effect, Fault, Memory, Trouble};
use crate::setup::{Calls, Load, Network, Setup};
use rand::RngExt;
use rand_pcg::Pcg32;
use workloads::{FaultKind, Frame, OneWay, Span};

/// The stream of the seed that worlds are drawn from.
const SWARM: u64 = 0;
const MS: u64 = 1_000_000;

/// Draws the world of a seed.
#[must_use]
pub fn swarm(seed: u64) -> Setup {
    let mut random = Pcg32::new(seed, SWARM);
    let random = &mut random;
    let acceptors = one_of(random, &[3, 3, 3, 5]);
    let (prepare_quorum, accept_quorum) = draw_quorums(random, acceptors as usize);
    let proposers = random.random_range(1..=acceptors);
    let clients = random.random_range(2..=8);
    let network = draw_network(random);
    let load = draw_load(random, clients);
    let deadline = one_of(random, &[15, 40, 40, 150]) * MS;
    let horizon = horizon(&load, &network);
    let repeats = random.random_bool(0.25);
    let mut setup = Setup {
        acceptors,
        proposers,
        clients,
        prepare_quorum,
        accept_quorum,
        unsafe_quorums: false,
        cache: one_of(random, &[0, 2, 1000, 1000]),
        repeats,
        deadline,
        clocks: draw_clocks(random, proposers),
        load,
        network,
        toggle: None,
        membership: None,
        collections: 0,
        mutant: None,
        faults: Vec::new(),
    };
    setup.collections =
        if setup.load.deletes > 0.0 { one_of(random, &[2, 10, 40]) * MS } else { 0 };
    setup.membership = membership::draw(random, &setup, horizon);
    setup.faults = draw_faults(random, &setup, horizon, seed);
    let brought = membership::faults(random, &mut setup, horizon);
    setup.faults.extend(brought);
    setup
}

fn one_of<T: Copy>(random: &mut Pcg32, choices: &[T]) -> T {
    choices[random.random_range(0..choices.len())]
}

/// Majorities for the most part, and otherwise the two sizes that just meet.
fn draw_quorums(random: &mut Pcg32, acceptors: usize) -> (usize, usize) {
    let majority = acceptors / 2 + 1;
    if random.random_bool(0.7) {
        return (majority, majority);
    }
    let prepare = random.random_range(1..=acceptors);
    (prepare, acceptors + 1 - prepare)
}

fn draw_clocks(random: &mut Pcg32, proposers: u32) -> Vec<u64> {
    if random.random_bool(0.8) {
        return Vec::new();
    }
    (0..proposers).map(|_| one_of(random, &[500, 1000, 1000, 2000])).collect()
}

fn draw_network(random: &mut Pcg32) -> Network {
    let longest = one_of(random, &[200_000, MS, 3 * MS, 8 * MS]);
    Network {
        delay: (longest / 10, longest),
        stray: one_of(random, &[0.0, 0.0, 0.02, 0.1]),
        stray_by: one_of(random, &[5, 20, 60]) * MS,
        lost: one_of(random, &[0.0, 0.0, 0.02, 0.1]),
        refused: one_of(random, &[0.0, 0.0, 0.05, 0.2]),
        broken: one_of(random, &[0.0, 0.0, 0.03, 0.15]),
        repeated: one_of(random, &[0.0, 0.05, 0.2]),
    }
}

fn draw_load(random: &mut Pcg32, clients: u32) -> Load {
    use Calls::{Append, CasRegister, Increment};
    let calls = one_of(random, &[Append, Append, CasRegister, CasRegister, Increment]);
    let operations: u32 = one_of(random, &[40, 80, 160, 240]);
    let deletes = match calls {
        CasRegister | Increment => one_of(random, &[0.0, 0.2, 0.5]),
        Append | Calls::VersionedLoop => 0.0,
    };
    Load {
        calls,
        keys: one_of(random, &[1, 1, 2, 3, 6]),
        each: operations.div_ceil(clients),
        think: one_of(random, &[0, MS, 4 * MS]),
        roams: random.random_bool(0.5),
        closing_reads: true,
        quorum_reads: one_of(random, &[0.0, 0.5, 1.0]),
        deletes,
        by_version: deletes > 0.0 && random.random_bool(0.5),
    }
}

/// About how long a client takes for its calls, in nanoseconds, if nothing goes wrong.
fn horizon(load: &Load, network: &Network) -> u64 {
    let call = 2 * (network.delay.0 + network.delay.1) + load.think / 2;
    call.saturating_mul(load.each.into()).max(10 * MS)
}

/// None, or up to eight faults, of kinds drawn for this seed.
fn draw_faults(random: &mut Pcg32, setup: &Setup, horizon: u64, seed: u64) -> Vec<Fault> {
    let number = one_of(random, &[0, 1, 2, 4, 8]);
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|_| random.random_bool(0.4)).collect();
    let mut faults = Vec::new();
    let mut wiped = false;
    for turn in 0..number {
        let Some(&kind) = kinds.get(random.random_range(0..kinds.len().max(1))) else { break };
        // An acceptor without its memory is out for good; the others must be able to go on.
        let wipes = matches!(kind, Kind::Wipe | Kind::LoseTail);
        let spare = setup.prepare_quorum.max(setup.accept_quorum) < setup.acceptors as usize;
        if wipes && (!spare || std::mem::replace(&mut wiped, true)) {
            continue;
        }
        let at = random.random_range(0..horizon);
        let lasts = random.random_range(MS / 2..=(horizon / 4).max(MS));
        let what = draw_trouble(random, setup, kind, seed.wrapping_add(turn));
        faults.extend(what.map(|what| Fault { at, lasts, what }));
    }
    faults
}

/// What a swarm may draw.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Cut,
    Silence,
    Hold,
    Slow,
    Loss,
    CrashProposer,
    PauseProposer,
    Kill,
    LoseTail,
    Wipe,
    Pause,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Cut,
        Self::Silence,
        Self::Hold,
        Self::Slow,
        Self::Loss,
        Self::CrashProposer,
        Self::PauseProposer,
        Self::Kill,
        Self::LoseTail,
        Self::Wipe,
        Self::Pause,
    ];
}

fn draw_trouble(random: &mut Pcg32, setup: &Setup, kind: Kind, seed: u64) -> Option<Trouble> {
    // The collector and the driver are struck too, where there is one.
    let background = if setup.membership.is_some() { 2 } else { u32::from(setup.collections > 0) };
    let proposer = random.random_range(1..=setup.proposers + background);
    let acceptor = random.random_range(1..=setup.acceptors);
    let silent = random.random_bool(0.3);
    let crash = |memory| Trouble::CrashAcceptor { acceptor, memory, silent };
    let trouble = match kind {
        Kind::Cut => return links(random, setup, Effect::Cut, seed),
        Kind::Silence => return links(random, setup, Effect::Lose, seed),
        Kind::Hold => return links(random, setup, Effect::Hold, seed),
        Kind::Slow => {
            let by = random.random_range(MS / 2..=10 * MS);
            return links(random, setup, Effect::Slow { by, jitter: by }, seed);
        }
        Kind::Loss => {
            let probability = one_of(random, &[0.1, 0.3, 0.6]);
            return links(random, setup, Effect::Lossy { probability }, seed);
        }
        Kind::CrashProposer => Trouble::CrashProposer(proposer),
        Kind::PauseProposer => Trouble::PauseProposer(proposer),
        Kind::Kill => crash(Memory::Kept),
        Kind::LoseTail => crash(Memory::TailLost(random.random_range(MS..=40 * MS))),
        Kind::Wipe => crash(one_of(random, &[Memory::Wiped, Memory::Flushed])),
        Kind::Pause => Trouble::PauseAcceptor(acceptor),
    };
    Some(trouble)
}

/// The named shapes of partitions are drawn where real runs draw theirs.
fn links(random: &mut Pcg32, setup: &Setup, effect: Effect, seed: u64) -> Option<Trouble> {
    let (begin, second) = (Span::seconds(0), Span::seconds(1));
    let frame = Frame::simple(&[FaultKind::Cut], setup.acceptors, (begin, second), second);
    let planned = frame.plan(seed).pop()?;
    let direction = one_of(random, &[None, None, Some(OneWay::Requests), Some(OneWay::Replies)]);
    Some(Trouble::Links { whom: planned.whom, links: planned.links, direction, effect })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_draws_a_safe_world_and_the_same_one_again() {
        for seed in 0..2000 {
            let setup = swarm(seed);
            setup.check().unwrap();
            assert!(!setup.unsafe_quorums && setup.mutant.is_none());
            assert_eq!(setup, swarm(seed));
        }
    }

    #[test]
    fn a_world_reads_back_as_it_was_written() {
        for seed in 0..50 {
            let setup = swarm(seed);
            let text = serde_json::to_string(&setup).unwrap();
            assert_eq!(serde_json::from_str::<Setup>(&text).unwrap(), setup);
        }
    }
}
