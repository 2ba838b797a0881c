//! Which small cases are explored, and what each is there to show.

use super::world::{Allowance, Call, Setting, explore};
use crate::{AcceptorId, Configuration, Delivery, Faithful, Quorum, Rules};
use alloc::sync::Arc;

/// Nothing repeats and no loss is known, but any message may never come.
const ANY_GIVE_UP: Allowance = Allowance { repeats: 0, known_losses: 0, give_ups: usize::MAX };
const A: Call = Call::Append('a');
const B: Call = Call::Append('b');
const C: Call = Call::Append('c');

fn setting(scripts: &'static [&'static [Call]]) -> Setting {
    Setting {
        configuration: Configuration::majority((0..3).map(AcceptorId)).unwrap(),
        scripts,
        delivery: Delivery::AtMostOnce,
        allowance: ANY_GIVE_UP,
        rules: Arc::new(Faithful),
    }
}

fn flexible(prepare: usize, accept: usize) -> Configuration {
    let quorum = |size| Quorum::of(size, (0..3).map(AcceptorId));
    Configuration::flexible(quorum(prepare), quorum(accept)).unwrap()
}

/// Visits everything, and minds that there was something to visit.
fn holds(setting: &Setting, at_least: usize) {
    let states = explore(setting).unwrap();
    std::println!("{states} states");
    assert!(states >= at_least, "only {states} states: the exploration has lost its way");
}

#[test]
fn two_appenders_under_loss_and_reorder() {
    holds(&setting(&[&[A], &[B]]), 10_000);
}

#[test]
fn two_appenders_when_some_losses_are_known() {
    let allowance = Allowance { known_losses: 1, ..ANY_GIVE_UP };
    holds(&Setting { allowance, ..setting(&[&[A], &[B]]) }, 10_000);
}

#[test]
fn two_appenders_over_a_transport_that_repeats() {
    let allowance = Allowance { repeats: 1, ..ANY_GIVE_UP };
    let delivery = Delivery::MayRepeat;
    holds(&Setting { delivery, allowance, ..setting(&[&[A], &[B]]) }, 10_000);
}

#[test]
fn changes_over_the_promises_of_the_ones_before() {
    holds(&setting(&[&[A, B, C]]), 1_000);
}

#[test]
fn a_change_over_a_promise_against_another_appender() {
    let allowance = Allowance { give_ups: 0, ..ANY_GIVE_UP };
    holds(&Setting { allowance, ..setting(&[&[A, B], &[C]]) }, 10_000);
}

#[test]
fn all_prepare_and_one_accepts() {
    let configuration = flexible(3, 1);
    holds(&Setting { configuration, ..setting(&[&[A, B], &[Call::Read]]) }, 10_000);
}

#[test]
fn one_prepares_and_all_accept() {
    let configuration = flexible(1, 3);
    holds(&Setting { configuration, ..setting(&[&[A], &[B]]) }, 10_000);
}

/// The published implementation's bug: a cached ballot is kept unless a conflict was seen.
#[derive(Debug)]
struct ReusedBallot;

impl Rules for ReusedBallot {
    fn keeps_ballot_of_incomplete_accept(&self, saw_conflict: bool) -> bool {
        !saw_conflict
    }
}

#[test]
fn a_reused_ballot_is_seen_to_break_a_promise_to_a_client() {
    let rules = Arc::new(ReusedBallot);
    let violation = explore(&Setting { rules, ..setting(&[&[A, B]]) }).unwrap_err();
    // Either what was acknowledged is lost, or what was refused by all is found: the acceptor that
    // holds the first value under the ballot refuses the second as if it were foreign.
    assert!(violation.starts_with("b was"), "{violation}");
}

#[test]
fn a_transport_that_repeats_unannounced_is_seen_to_revive_a_change() {
    let allowance = Allowance { repeats: 1, ..ANY_GIVE_UP };
    let violation = explore(&Setting { allowance, ..setting(&[&[A], &[B]]) }).unwrap_err();
    assert!(violation.contains("was said not to have happened"), "{violation}");
}
