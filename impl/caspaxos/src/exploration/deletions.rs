//! Deleted registers that are collected, and keys that are written anew.

use super::case::{A, B, C, DELETE, PLAIN, flexible, majority};
use super::cluster::{Allowance, Case};
use super::process::Task;
use crate::{Ballot, Ballots, Rules};

const COLLECT: Task = Task::Collect;

/// All prepare and one accepts, so that every accept but the first is late.
fn late(script: &'static [&'static [Task]]) -> Case {
    flexible(2, (2, 1), script).allowing(Allowance { expiries: 1, ..PLAIN })
}

fn twice() -> Case {
    late(&[&[A, DELETE, COLLECT, B, DELETE, COLLECT]])
}

/// A change is left in doubt, found, deleted and collected.
fn doubt_collected() -> Case {
    let allowance = Allowance { retries: 2, ..PLAIN };
    majority(2, &[&[A], &[DELETE, COLLECT, C]]).allowing(allowance)
}

/// A delete is left in doubt, found and collected under the next ballot that is free.
fn delete_collected() -> Case {
    let allowance = Allowance { retries: 2, losses: 1, ..PLAIN };
    majority(1, &[&[A, DELETE], &[Task::CountAhead(2), COLLECT]]).allowing(allowance)
}

/// A late comer who was promised a ballot before the register was erased.
fn promised() -> Case {
    let allowance = Allowance { retries: 2, ..PLAIN };
    majority(2, &[&[A, DELETE, COLLECT, B], &[C]]).allowing(allowance)
}

#[test]
fn collected_twice_by_one() {
    twice().holds(50_000, 4);
}

#[test]
fn collected_by_another_while_it_is_written() {
    let allowance = Allowance { retries: 1, ..PLAIN };
    majority(3, &[&[A, DELETE], &[COLLECT]]).allowing(allowance).holds(1_000, 2);
}

#[test]
fn collected_beside_another_writer() {
    promised().holds(50_000, 4);
}

#[test]
fn collected_by_a_majority_of_three_beside_a_writer() {
    majority(3, &[&[A, DELETE, COLLECT, B], &[C]]).holds(10_000, 3);
}

#[test]
fn collected_beside_a_reader() {
    majority(3, &[&[A, DELETE, COLLECT, B], &[Task::Read]]).holds(50_000, 4);
}

#[test]
fn collected_beside_a_reader_under_flexible_quorums() {
    let scripts: &[&[Task]] = &[&[A, DELETE, COLLECT, B], &[Task::Read]];
    flexible(2, (2, 1), scripts).holds(10_000, 4);
    flexible(2, (1, 2), scripts).holds(1_000, 4);
}

#[test]
fn a_doubt_that_was_found_deleted_and_collected_is_not_applied_again() {
    doubt_collected().holds(10_000, 3);
}

#[test]
fn doubts_of_a_shared_round_that_were_found_and_collected_are_not_applied_again() {
    let allowance = Allowance { retries: 2, ..PLAIN };
    majority(2, &[&[A, B], &[DELETE, COLLECT, C]]).allowing(allowance).holds(100_000, 4);
}

/// Which rule of collecting is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    ErasesAnyTombstone,
    ErasesPromises,
    StaysYoung,
    GrowsYounger,
    CollectsWhatAQuorumHolds,
    CountsVersionsFromOne,
    MarksNothing,
    MarksTooLow,
}

impl Rules for Broken {
    fn raised_floor(&self, held: u64, told: u64) -> u64 {
        match self {
            Self::StaysYoung => held,
            Self::GrowsYounger => told,
            Self::ErasesAnyTombstone
            | Self::ErasesPromises
            | Self::CollectsWhatAQuorumHolds
            | Self::CountsVersionsFromOne
            | Self::MarksNothing
            | Self::MarksTooLow => held.max(told),
        }
    }

    fn collects(&self, held: Ballots, dead: bool, tombstone: Ballot, promise_floor: u64) -> bool {
        match self {
            Self::ErasesAnyTombstone => dead,
            Self::ErasesPromises => held.accepted == tombstone,
            Self::StaysYoung
            | Self::GrowsYounger
            | Self::CollectsWhatAQuorumHolds
            | Self::CountsVersionsFromOne
            | Self::MarksNothing
            | Self::MarksTooLow => {
                held.accepted == tombstone && held.promised.counter <= promise_floor
            }
        }
    }

    fn collects_what_all_hold(&self) -> bool {
        *self != Self::CollectsWhatAQuorumHolds
    }

    fn mark(&self, promise_floor: u64) -> Ballot {
        match self {
            Self::MarksNothing => Ballot::ZERO,
            // The collection's ballot is one above that of the delete, whose accepts promise the one between.
            Self::MarksTooLow => Ballot::at_floor(promise_floor.saturating_sub(2)),
            Self::ErasesAnyTombstone
            | Self::ErasesPromises
            | Self::StaysYoung
            | Self::GrowsYounger
            | Self::CollectsWhatAQuorumHolds
            | Self::CountsVersionsFromOne => Ballot::at_floor(promise_floor),
        }
    }

    fn first_version(&self, counter: u64) -> u64 {
        if *self == Self::CountsVersionsFromOne { 1 } else { counter }
    }
}

#[test]
fn a_later_tombstone_that_is_erased_lets_the_value_before_it_rise() {
    twice().breaks_under(Broken::ErasesAnyTombstone);
}

#[test]
fn a_promise_that_is_erased_loses_what_came_after() {
    // A second try puts the late comer's ballot above the promise ahead that the writer asks for.
    let allowance = Allowance { retries: 2, losses: 1, ..PLAIN };
    promised().allowing(allowance).breaks_under(Broken::ErasesPromises);
}

#[test]
fn an_acceptor_that_stays_young_takes_late_accepts() {
    twice().breaks_under(Broken::StaysYoung);
}

#[test]
fn an_acceptor_that_grows_younger_takes_late_accepts() {
    twice().breaks_under(Broken::GrowsYounger);
}

#[test]
fn what_only_a_quorum_holds_rises_when_it_is_collected() {
    twice().breaks_under(Broken::CollectsWhatAQuorumHolds);
}

#[test]
fn versions_that_start_anew_come_twice() {
    twice().breaks_under(Broken::CountsVersionsFromOne);
}

#[test]
fn a_register_without_a_mark_hides_what_was_collected() {
    doubt_collected().breaks_under(Broken::MarksNothing);
}

#[test]
fn a_delete_in_doubt_that_was_collected_is_not_said_to_have_found_nothing() {
    delete_collected().holds(100, 1);
}

#[test]
fn a_mark_below_the_floor_hides_what_was_collected() {
    delete_collected().breaks_under(Broken::MarksTooLow);
}
