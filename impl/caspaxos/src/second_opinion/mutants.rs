//! Mutants of the protocol, each found along a shortest path.
//!
//! The search is breadth first and keeps whole states, so here too calls do not overlap.

use super::cases::{A, B, changes_and_a_foreign_read, cluster, one_at_a_time, quorum};
use super::cluster::{Cluster, LINEARIZABLE};
use crate::{Configuration, Rules};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use stateright::{Checker, Model};
use std::time::Instant;

/// The shortest schedule that breaks the law, an action a line.
fn counterexample(cluster: Cluster) -> String {
    let began = Instant::now();
    // Where there is nothing but the law to look for, the search ends as soon as it is broken.
    let cluster = Cluster { witnesses: false, ..cluster };
    let checker = cluster.checker().spawn_bfs().join();
    std::println!("found after {} states, {:.1?}", checker.unique_state_count(), began.elapsed());
    let path = checker.assert_any_discovery(LINEARIZABLE);
    let actions: Vec<_> = path.into_actions().iter().map(ToString::to_string).collect();
    actions.join("\n")
}

#[test]
fn quorums_that_miss_each_other_are_found() {
    let configuration = Configuration::unchecked(quorum(1), quorum(2));
    let cluster = one_at_a_time(cluster(&configuration, &[&[A], &[B]]));
    insta::assert_snapshot!(counterexample(cluster), @r"
    p1 begins to append a
    p1 → a1: prepare 1.1
    a1 → p1: to 1.1, promised; holds nothing
    p1 → a1: accept a under 1.1, promise 2.1
    a1 → p1: to 1.1, accepted
    p1 → a2: accept a under 1.1, promise 2.1
    a2 → p1: to 1.1, accepted
    p2 begins to append b
    p2 → a3: prepare 3.2
    a3 → p2: to 3.2, promised; holds nothing
    p2 → a1: accept b under 3.2, promise 4.2
    a1 → p2: to 3.2, accepted
    p2 → a2: accept b under 3.2, promise 4.2
    a2 → p2: to 3.2, accepted
    ");
}

/// The published implementation's bug: a cached ballot is kept unless a conflict was seen.
#[derive(Debug)]
struct ReusedBallot;

impl Rules for ReusedBallot {
    fn keeps_ballot_of_incomplete_accept(&self, saw_conflict: bool) -> bool {
        !saw_conflict
    }
}

/// What arrives late for the first call is taken for the second, which goes out under its ballot.
#[test]
fn a_reused_ballot_is_found() {
    let mut cluster = changes_and_a_foreign_read();
    for (proposer, _) in &mut cluster.clients {
        *proposer = proposer.clone().with_rules(Arc::new(ReusedBallot));
    }
    insta::assert_snapshot!(counterexample(cluster), @r"
    p1 begins to append a
    p1 → a1: prepare 1.1
    a1 → p1: to 1.1, promised; holds nothing
    p1 → a2: prepare 1.1
    a2 → p1: to 1.1, promised; holds nothing
    p1 gives up
    p1 begins to append b
    p1 → a1: accept a under 1.1, promise 2.1
    a1 → p1: to 1.1, accepted
    p1 → a2: accept a under 1.1, promise 2.1
    a2 → p1: to 1.1, accepted
    p2 begins to read
    p2 → a1: prepare 3.2
    a1 → p2: to 3.2, promised; holds a of 1.1
    p2 → a2: prepare 3.2
    a2 → p2: to 3.2, promised; holds a of 1.1
    p2 → a1: accept a under 3.2, promise 4.2
    a1 → p2: to 3.2, accepted
    p2 → a2: accept a under 3.2, promise 4.2
    a2 → p2: to 3.2, accepted
    ");
}
