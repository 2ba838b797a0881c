//! Steps of membership with a proposer left behind.

use super::case::{A, B, C, DELETE, PLAIN, majority};
use super::cluster::{Allowance, Case};
use super::membership::Act;
use super::process::Task;
use crate::{AcceptorId, Configuration, Rules, Stage};

const ONE_STEP: &[Act] = &[Act::Publish(1), Act::Seal(1), Act::InheritFloors(1), Act::Rescan(1)];

const TWO_STEPS: &[Act] = &[
    Act::Publish(1),
    Act::Seal(1),
    Act::InheritFloors(1),
    Act::Rescan(1),
    Act::Publish(2),
    Act::Seal(2),
    Act::InheritFloors(2),
    Act::Rescan(2),
];

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
    steps([1, 2, 3], TWO_STEPS, &[&[A], &[Task::Adopt(2), C]]).holds(50_000, 3);
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
    let mut case = steps([3, 4, 5], ONE_STEP, &[&[A]]);
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

/// Majorities of these acceptors, one after another.
fn through(
    members: [&[u32]; 3],
    plan: &'static [Act],
    scripts: &'static [&'static [Task]],
) -> Case {
    let majority_of =
        |members: &[u32]| Configuration::majority(members.iter().copied().map(AcceptorId)).unwrap();
    let configurations = (0..).zip(members).map(|(e, it)| majority_of(it).in_epoch(e)).collect();
    Case { configurations, plan, ..majority(1, scripts) }
}

/// Acceptor 0 alone, then both, then acceptor 1 alone.
fn replaced(plan: &'static [Act], scripts: &'static [&'static [Task]]) -> Case {
    let allowance = Allowance { retries: 1, losses: 1, ..PLAIN };
    through([&[0], &[0, 1], &[1]], plan, scripts).allowing(allowance)
}

/// Acceptor 1 is replaced by acceptor 3. Acceptor 2 stays, and need not be notified of either step.
fn one_of_three_replaced(scripts: &'static [&'static [Task]]) -> Case {
    through([&[0, 1, 2], &[0, 1, 2, 3], &[0, 2, 3]], TWO_STEPS, scripts)
}

/// Counted ahead, so that their ballots meet no promise.
const LAGGING_WRITER: &[&[Task]] =
    &[&[Task::CountAhead(20), A], &[Task::CountAhead(10), Task::Adopt(2), C]];
const LAGGING_READER: &[&[Task]] = &[&[Task::Read], &[Task::CountAhead(10), Task::Adopt(2), C]];

/// The first proposer is in doubt about its delete; meanwhile it is found and collected.
const DOUBT_BEFORE_A_STEP: &[&[Task]] =
    &[&[A, DELETE, Task::Adopt(1)], &[Task::CountAhead(2), Task::Collect]];
const DOUBT_BEFORE_TWO_STEPS: &[&[Task]] =
    &[&[A, DELETE, Task::Adopt(2)], &[Task::CountAhead(2), Task::Collect]];

#[test]
fn a_doubt_that_was_collected_before_an_acceptor_joined_is_not_applied_again() {
    replaced(ONE_STEP, DOUBT_BEFORE_A_STEP).holds(1_000, 2);
}

#[test]
fn a_doubt_that_was_collected_before_all_acceptors_were_replaced_is_not_applied_again() {
    replaced(TWO_STEPS, DOUBT_BEFORE_TWO_STEPS).holds(1_000, 2);
}

/// Marks a register that holds nothing with the floor of the first promise.
#[derive(Debug)]
struct FirstFloor;

impl Rules for FirstFloor {
    fn floor_of_promises(&self, first: Option<u64>, floor: u64) -> u64 {
        first.unwrap_or(floor)
    }
}

#[test]
fn the_floor_of_one_promise_does_not_tell_what_was_collected() {
    replaced(ONE_STEP, DOUBT_BEFORE_A_STEP).breaks_under(FirstFloor);
}

#[test]
fn floors_that_are_not_inherited_do_not_tell_what_was_collected() {
    const FORGETFUL: &[Act] = &[
        Act::Publish(1),
        Act::Seal(1),
        Act::Rescan(1),
        Act::Publish(2),
        Act::Seal(2),
        Act::Rescan(2),
    ];
    replaced(FORGETFUL, DOUBT_BEFORE_TWO_STEPS).breaks_under(crate::Faithful);
}

#[test]
fn a_reader_is_left_behind_with_an_acceptor_that_stays() {
    one_of_three_replaced(LAGGING_READER).holds(10_000, 3);
}

/// Which requests of earlier epochs are not refused.
#[derive(Debug)]
enum Unfenced {
    All,
    Only(Stage),
}

impl Rules for Unfenced {
    fn fences(&self, stage: Stage) -> bool {
        match self {
            Self::All => false,
            Self::Only(unfenced) => stage != *unfenced,
        }
    }
}

#[test]
fn without_fences_two_proposers_work_apart() {
    steps([1, 2, 3], TWO_STEPS, BEHIND).breaks_under(Unfenced::All);
    steps([3, 2, 1], TWO_STEPS, BEHIND).breaks_under(Unfenced::All);
}

#[test]
fn an_unfenced_prepare_overwrites_what_it_cannot_see() {
    one_of_three_replaced(LAGGING_WRITER).breaks_under(Unfenced::Only(Stage::Prepare));
}

#[test]
fn an_unfenced_read_answers_what_was_overwritten() {
    one_of_three_replaced(LAGGING_READER).breaks_under(Unfenced::Only(Stage::Read));
}

#[test]
fn two_steps_without_a_rescan_lose_what_was_there() {
    const HASTY: &[Act] = &[Act::Publish(1), Act::Seal(1), Act::Publish(2), Act::Seal(2)];
    steps([1, 2, 3], HASTY, BEHIND).breaks_under(crate::Faithful);
    steps([3, 2, 1], HASTY, BEHIND).breaks_under(crate::Faithful);
}
