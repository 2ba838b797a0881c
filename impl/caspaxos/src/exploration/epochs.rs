//! Steps of membership with a proposer left behind.

use super::case::{A, B, C, DELETE, PLAIN, majority};
use super::cluster::{Allowance, Case};
use super::membership::Act;
use super::process::Task;
use crate::{AcceptorId, Configuration, Rules};

const TWO_STEPS: &[Act] =
    &[Act::Publish(1), Act::Seal(1), Act::Rescan(1), Act::Publish(2), Act::Seal(2), Act::Rescan(2)];

/// The first proposer is left behind, the second learns of everything.
fn steps(sizes: [u32; 3], plan: &'static [Act], scripts: &'static [&'static [Task]]) -> Case {
    let majority_of = |size| Configuration::majority((0..size).map(AcceptorId)).unwrap();
    let configurations = (0..).zip(sizes).map(|(e, size)| majority_of(size).in_epoch(e)).collect();
    let allowance = Allowance { retries: 1, ..PLAIN };
    Case { configurations, plan, ..majority(1, scripts) }.allowing(allowance)
}

const BEHIND: &[&[Task]] = &[&[A, B], &[Task::Adopt(2), C]];

#[test]
fn from_one_to_three() {
    steps([1, 2, 3], TWO_STEPS, &[&[A], &[Task::Adopt(2), C]]).holds(100_000, 3);
}

#[test]
fn from_two_to_four() {
    steps([2, 3, 4], TWO_STEPS, &[&[A]]).holds(10_000, 3);
}

#[test]
fn from_three_to_one() {
    steps([3, 2, 1], TWO_STEPS, &[&[A], &[Task::Adopt(2), C]]).holds(20_000, 3);
}

#[test]
fn from_three_to_four() {
    let plan = &[Act::Publish(1), Act::Seal(1), Act::Rescan(1)];
    let mut case = steps([3, 4, 5], plan, &[&[A]]);
    case.configurations.pop();
    case.holds(1_000, 2);
}

#[test]
fn a_proposer_learns_of_a_step_while_it_works() {
    steps([1, 2, 3], TWO_STEPS, &[&[A, Task::Adopt(1), B, Task::Adopt(2)]]).holds(50_000, 4);
}

#[test]
fn a_register_is_collected_while_the_acceptors_change() {
    steps([1, 2, 3], TWO_STEPS, &[&[A, DELETE, Task::Collect, Task::Adopt(2), B]]).holds(10_000, 4);
}

#[test]
fn a_register_is_read_while_the_acceptors_change() {
    steps([1, 2, 3], TWO_STEPS, &[&[A], &[Task::Read, Task::Adopt(2), Task::Read]])
        .holds(10_000, 4);
}

#[derive(Debug)]
struct Unfenced;

impl Rules for Unfenced {
    fn fences(&self) -> bool {
        false
    }
}

#[test]
fn without_fences_two_proposers_work_apart() {
    steps([1, 2, 3], TWO_STEPS, BEHIND).breaks_under(Unfenced);
    steps([3, 2, 1], TWO_STEPS, BEHIND).breaks_under(Unfenced);
}

#[test]
fn two_steps_without_a_rescan_lose_what_was_there() {
    const HASTY: &[Act] = &[Act::Publish(1), Act::Seal(1), Act::Publish(2), Act::Seal(2)];
    steps([1, 2, 3], HASTY, BEHIND).breaks_under(crate::Faithful);
    steps([3, 2, 1], HASTY, BEHIND).breaks_under(crate::Faithful);
}
