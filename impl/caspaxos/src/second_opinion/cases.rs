//! The cases in which the law holds in every state.
//!
//! Acceptors are not interchanged here, which costs up to six times the states. The larger cases
//! are therefore cut down to calls that do not overlap: what earlier calls sent is still under
//! way then, and arrives whenever it does.

use super::calls::{Call, List};
use super::cluster::{ANY, Allowance, Cluster};
use crate::round::Proposal;
use crate::{AcceptorId, Configuration, Proposer, ProposerId, Quorum, Reason};
use stateright::{Checker, Model};
use std::time::Instant;

pub(super) const A: Call = Call::Append('a');
pub(super) const B: Call = Call::Append('b');
pub(super) const READ: Call = Call::Read;

pub(super) fn quorum(size: usize) -> Quorum {
    Quorum::of(size, (0..3).map(AcceptorId))
}

pub(super) fn flexible(prepare: usize, accept: usize) -> Configuration {
    Configuration::flexible(quorum(prepare), quorum(accept)).unwrap()
}

/// One proposer for each script, over three acceptors and a transport that repeats nothing.
pub(super) fn cluster(configuration: &Configuration, scripts: &[&'static [Call]]) -> Cluster {
    let clients = (1..).zip(scripts).map(|(id, &script)| {
        let mut proposer = Proposer::new(ProposerId(id), configuration.clone(), 8);
        // Each proposer has made one call more than the one before it, of which nothing arrived.
        // Were they to count from the same number, the first call of only one of them could
        // commit: its accept promises a ballot above all that the others begin with.
        (1..id).for_each(|_| abandon_a_call(&mut proposer));
        (proposer, script)
    });
    Cluster {
        acceptors: 3,
        clients: clients.collect(),
        allowance: Allowance { give_ups: ANY, reported_losses: 0, repeats: 0 },
        concurrent: true,
        witnesses: true,
    }
}

fn abandon_a_call(proposer: &mut Proposer<(), List>) {
    let (mut round, cached) = proposer.begin(&()).unwrap();
    round.start(cached, |_, _| Proposal::Withdraw);
    let result = round.give_up(Reason::Deadline).unwrap();
    proposer.finish((), result);
}

/// The same over a transport that repeats one request, and is known to repeat.
fn repeating(mut cluster: Cluster) -> Cluster {
    for (proposer, _) in &mut cluster.clients {
        *proposer = proposer.clone().with_repeats(true);
    }
    cluster.allowance.repeats = 1;
    cluster
}

pub(super) fn one_at_a_time(cluster: Cluster) -> Cluster {
    Cluster { concurrent: false, ..cluster }
}

/// The second change goes out under the ballot that the first one's accepts had promised. The
/// case that the reused ballot breaks.
pub(super) fn changes_and_a_foreign_read() -> Cluster {
    let mut cluster = one_at_a_time(cluster(&flexible(2, 2), &[&[A, B], &[READ]]));
    cluster.allowance.give_ups = 1;
    cluster
}

/// Visits every state, and minds that there was something to visit.
fn holds(cluster: Cluster, at_least: usize) {
    let began = Instant::now();
    let checker = cluster.checker().spawn_dfs().join();
    let states = checker.unique_state_count();
    std::println!("{states} states in {:.1?}", began.elapsed());
    checker.assert_properties();
    assert!(states >= at_least, "only {states} states: the model has lost its way");
}

#[test]
fn two_appenders() {
    holds(cluster(&flexible(2, 2), &[&[A], &[B]]), 100_000);
}

#[test]
fn an_appender_and_a_reader() {
    holds(cluster(&flexible(2, 2), &[&[A], &[READ]]), 100_000);
}

#[test]
fn a_change_over_a_promise_and_a_foreign_read() {
    holds(changes_and_a_foreign_read(), 100_000);
}

#[test]
fn two_appenders_when_a_loss_is_reported() {
    let mut cluster = one_at_a_time(cluster(&flexible(2, 2), &[&[A], &[B]]));
    cluster.allowance.reported_losses = 1;
    holds(cluster, 50_000);
}

#[test]
fn two_appenders_over_a_transport_that_repeats() {
    holds(one_at_a_time(repeating(cluster(&flexible(2, 2), &[&[A], &[B]]))), 100_000);
}

#[test]
fn all_prepare_and_one_accepts() {
    holds(cluster(&flexible(3, 1), &[&[A, READ], &[B]]), 100_000);
}

#[test]
fn all_prepare_and_one_accepts_over_a_transport_that_repeats() {
    holds(repeating(cluster(&flexible(3, 1), &[&[A], &[B]])), 50_000);
}

#[test]
fn one_prepares_and_all_accept() {
    holds(one_at_a_time(cluster(&flexible(1, 3), &[&[A], &[B]])), 100_000);
}
