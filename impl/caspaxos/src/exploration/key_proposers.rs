//! Calls that share rounds, doubts that are cleared up, and reads without a write.

use super::case::{A, B, C, PLAIN, flexible, majority};
use super::cluster::{ANY, Allowance, Case, Replies};
use super::history::Op;
use super::process::Task;
use crate::Rules;

const READ: Task = Task::Read;

/// Two calls that may share a round, against a third.
const COMBINED: &[&[Task]] = &[&[A, B], &[C]];

/// One call against another.
const DOUBTFUL: &[&[Task]] = &[&[A], &[C]];

const READERS: &[&[Task]] = &[&[A, B], &[READ, READ]];

#[test]
fn two_calls_share_a_round_against_another() {
    majority(3, COMBINED).allowing(Allowance { retries: 2, ..PLAIN }).holds(50_000, 3);
}

#[test]
fn two_calls_share_a_round_and_replies_are_lost() {
    let allowance = Allowance { unheard: 1, impatience: 1, expiries: 1, ..PLAIN };
    majority(3, COMBINED).allowing(allowance).holds(50_000, 2);
}

#[test]
fn two_calls_share_a_round_and_replies_are_late() {
    let case = Case { replies: Replies::Late, ..majority(2, COMBINED) };
    case.allowing(Allowance { retries: 1, expiries: 1, ..PLAIN }).holds(50_000, 2);
}

#[test]
fn shared_rounds_where_all_prepare_and_one_accepts() {
    let allowance = Allowance { retries: 1, losses: 1, ..PLAIN };
    flexible(3, (3, 1), COMBINED).allowing(allowance).holds(10_000, 3);
}

#[test]
fn shared_rounds_where_one_prepares_and_all_accept() {
    let allowance = Allowance { retries: 1, ..PLAIN };
    flexible(3, (1, 3), COMBINED).allowing(allowance).holds(10_000, 2);
}

#[test]
fn doubts_after_a_conflict_are_cleared_up() {
    let allowance = Allowance { retries: 2, impatience: 2, ..PLAIN };
    majority(3, DOUBTFUL).allowing(allowance).holds(10_000, 2);
}

#[test]
fn doubts_after_a_loss_are_cleared_up() {
    majority(3, DOUBTFUL).allowing(Allowance { retries: 2, losses: 1, ..PLAIN }).holds(10_000, 2);
}

#[test]
fn doubts_of_calls_that_share_rounds_are_cleared_up() {
    let allowance = Allowance { retries: 2, ..PLAIN };
    majority(2, &[&[A, B], &[C, Task::Ask(Op::Read)]]).allowing(allowance).holds(10_000, 4);
}

#[test]
fn reads_without_a_write_beside_two_writers() {
    majority(3, &[&[A], &[B], &[READ]]).holds(10_000, 2);
}

#[test]
fn reads_whose_answers_are_late() {
    let late = |case| Case { replies: Replies::Late, ..case };
    late(majority(3, &[&[A], &[READ]])).holds(1_000, 2);
    late(flexible(3, (1, 3), &[&[A], &[READ]])).holds(1_000, 2);
}

#[test]
fn reads_under_majorities() {
    let allowance = Allowance { retries: 1, unheard: ANY, ..PLAIN };
    majority(3, READERS).allowing(allowance).holds(10_000, 4);
}

#[test]
fn reads_where_all_prepare_and_one_accepts() {
    let allowance = Allowance { retries: 1, unheard: ANY, ..PLAIN };
    flexible(3, (3, 1), READERS).allowing(allowance).holds(10_000, 4);
}

#[test]
fn reads_where_one_prepares_and_all_accept() {
    let allowance = Allowance { retries: 1, unheard: ANY, ..PLAIN };
    flexible(3, (1, 3), READERS).allowing(allowance).holds(10_000, 4);
}

#[derive(Debug)]
struct NoLookForDoubts;

impl Rules for NoLookForDoubts {
    fn looks_for_doubtful_changes(&self) -> bool {
        false
    }
}

#[test]
fn doubts_that_are_not_looked_for_are_applied_twice() {
    let allowance = Allowance { retries: 2, ..PLAIN };
    let violation = majority(3, DOUBTFUL).allowing(allowance).breaks_under(NoLookForDoubts);
    assert!(violation.contains("aca") || violation.contains("cac"), "{violation}");
}

#[derive(Debug)]
struct ReadsTheNewest;

impl Rules for ReadsTheNewest {
    fn reads_one_ballot(&self) -> bool {
        false
    }
}

#[test]
fn reads_of_the_newest_ballot_answer_what_is_not_committed() {
    let allowance = Allowance { retries: 1, ..PLAIN };
    for case in [majority(3, READERS), flexible(3, (1, 3), READERS)] {
        case.allowing(allowance).breaks_under(ReadsTheNewest);
    }
}

#[derive(Debug)]
struct AnswersEarly;

impl Rules for AnswersEarly {
    fn answers_after_the_round(&self) -> bool {
        false
    }
}

#[test]
fn answers_before_the_round_has_ended_promise_too_much() {
    majority(3, COMBINED).breaks_under(AnswersEarly);
}
