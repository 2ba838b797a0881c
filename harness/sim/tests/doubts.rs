//! Contention does not end in doubt: a change whose accepts were refused by some is looked up and, if it has led
//! nowhere, applied again.

use harness_history::Kind;
use harness_sim::{Calls, Detail, Mutant, Setup, SimRun, Situation, run_setup, swarm};

/// A seed's world, but nothing is deleted, nobody crashes, and no deadline comes. Proposers meet at keys that
/// were never written, over and over.
fn contended(seed: u64) -> Setup {
    let mut setup = swarm(seed);
    (setup.acceptors, setup.prepare_quorum, setup.accept_quorum) = (3, 2, 2);
    (setup.proposers, setup.clocks) = (3, Vec::new());
    (setup.load.calls, setup.load.deletes, setup.collections) = (Calls::Append, 0.0, 0);
    (setup.load.keys, setup.load.think, setup.load.roams) = (6, 0, true);
    (setup.network.lost, setup.network.stray) = (0.0, 0.0);
    (setup.membership, setup.faults) = (None, Vec::new());
    setup.deadline = 3_600_000_000_000;
    setup
}

fn in_doubt(run: &SimRun) -> usize {
    run.events.iter().filter(|event| event.kind == Kind::Info).count()
}

#[test]
fn no_call_ends_in_doubt_by_contention_over_300_seeds() {
    let (mut partial, mut again, mut found) = (0, 0, 0);
    for seed in 1..=300 {
        let run = run_setup(seed, contended(seed), Detail::Verdict);
        assert_eq!((in_doubt(&run), run.broken.as_slice()), (0, &[][..]), "seed {seed}");
        partial += run.coverage.of(Situation::ConflictAfterPartialAccept);
        again += run.coverage.of(Situation::DoubtAppliedAgain);
        found += run.coverage.of(Situation::DoubtFound);
    }
    println!("{partial} conflicts after a partial accept; {again} applied again, {found} found");
    assert!(partial > 100 && again > 100 && found > 100, "{partial}, {again}, {found}");
}

#[test]
fn a_lineage_that_is_forgotten_at_every_change_leaves_calls_in_doubt() {
    let mutant: Mutant = "lineage-forgotten".parse().unwrap();
    let doubts = |seed| in_doubt(&run_setup(seed, bent(mutant, seed), Detail::Verdict));
    assert!((1..=20).map(doubts).sum::<usize>() > 0);
}

fn bent(mutant: Mutant, seed: u64) -> Setup {
    let mut setup = contended(seed);
    mutant.bend(&mut setup);
    setup
}
