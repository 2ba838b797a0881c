//! Rounds that several changes share, and doubts that are cleared up.

use super::*;
use crate::{
    AcceptorId, Ballots, Configuration, Decision, HIGHEST_NUMBER, Lineage, Proposer, ProposerId,
    Request, Stage,
};
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

/// Appends its letter, and answers the list that it saw or made; a dot only reads.
#[derive(Debug, Clone, PartialEq)]
struct Append(char, Vec<String>);

impl Change<String> for Append {
    fn apply(&mut self, present: Present<'_, String>) -> Decision<String, ()> {
        let mut list = present.value.cloned().unwrap_or_default();
        if self.0 == '.' {
            self.1.push(format!("{list}@{}", present.version));
            return Decision::Keep(());
        }
        list.push(self.0);
        self.1.push(format!("{list}@{}", present.next));
        Decision::Put(Some(list), ())
    }
}

type Sent = Vec<(RequestId, Request<VersionedValue<String>>)>;

/// How long a change has until its deadline.
const TIME_TO_LIVE: u64 = 1_000_000_000;

struct Table {
    proposer: Proposer<(), String>,
    key_proposer: KeyProposer<Append, String>,
    now: u64,
}

impl Table {
    fn new() -> Self {
        let configuration = Configuration::majority((0..3).map(AcceptorId)).unwrap();
        let proposer = Proposer::new(ProposerId(1), configuration, 8);
        Self { proposer, key_proposer: KeyProposer::default(), now: 0 }
    }

    fn step(
        &mut self,
        step: impl FnOnce(&mut KeyProposer<Append, String>, &mut Context<'_, (), String>),
    ) -> (Sent, Vec<String>) {
        let (proposer, now) = (&mut self.proposer, self.now);
        let draw = &mut |bound| bound;
        step(&mut self.key_proposer, &mut Context { proposer, key: &(), now, draw });
        let (mut sent, mut told) = (vec![], vec![]);
        loop {
            match Machine::<(), String>::poll(&mut self.key_proposer) {
                Progress::Wait => return (sent, told),
                Progress::Send(Requests { requests, .. }) => sent = requests,
                Progress::Done((Append(name, answers), Outcome::Committed(at))) => {
                    told.push(format!("{name}: {}", answers[at]));
                }
                Progress::Done((Append(name, _), end)) => told.push(format!("{name}: {end:?}")),
            }
        }
    }

    fn ask(&mut self, name: char) -> Vec<String> {
        let deadline = self.now + TIME_TO_LIVE;
        self.step(|key_proposer, context| {
            key_proposer.submit(context, Append(name, vec![]), deadline)
        })
        .1
    }

    fn reply(&mut self, from: u32, reply: Reply<VersionedValue<String>>) -> (Sent, Vec<String>) {
        let (ballot, voting) = self.key_proposer.round().unwrap();
        let stage = if voting { Stage::Accept } else { Stage::Prepare };
        let id = RequestId { acceptor: AcceptorId(from), ballot, stage };
        self.step(|key_proposer, context| key_proposer.on_reply(context, id, reply))
    }

    /// Two promises; the second answer has what is sent and told.
    fn promise(&mut self, cell: Option<VersionedValue<String>>) -> (Sent, Vec<String>) {
        self.promise_with_floor(0, cell)
    }

    fn promise_with_floor(
        &mut self,
        promise_floor: u64,
        value: Option<VersionedValue<String>>,
    ) -> (Sent, Vec<String>) {
        let accepted = value.as_ref().map_or(Ballot::ZERO, |_| foreign(1).accepted);
        let promise = Reply::Promise { promise_floor, accepted, value };
        self.reply(0, promise.clone());
        self.reply(1, promise)
    }

    fn accepted(&mut self) -> Vec<String> {
        self.reply(0, Reply::Accepted);
        self.reply(1, Reply::Accepted).1
    }

    /// Lets the time come that the key proposer waits for.
    fn later(&mut self) -> (Sent, Vec<String>) {
        self.now = self.wake_at().unwrap();
        self.step(Machine::on_time)
    }

    /// Lets the deadline come of the changes that were asked for now.
    fn deadline(&mut self) -> (Sent, Vec<String>) {
        self.now += TIME_TO_LIVE;
        self.step(Machine::on_time)
    }

    fn wake_at(&self) -> Option<u64> {
        Machine::<(), String>::wake_at(&self.key_proposer)
    }
}

fn foreign(counter: u64) -> Ballots {
    let ballot = Ballot { counter, proposer: ProposerId(9) };
    Ballots { promised: ballot, accepted: ballot }
}

fn proposed(requests: &Sent) -> VersionedValue<String> {
    let Request::Accept { value: Some(cell), .. } = &requests[0].1 else {
        panic!("not an accept of a cell: {requests:?}")
    };
    cell.clone()
}

/// One acceptor accepts what was decided, two refuse.
fn leave_in_doubt(table: &mut Table) {
    table.reply(0, Reply::Accepted);
    table.reply(1, Reply::Refused(foreign(2)));
    table.reply(2, Reply::Refused(foreign(2)));
}

#[test]
fn changes_that_wait_share_a_round_and_each_gets_its_own_answer() {
    let mut table = Table::new();
    for name in ['a', '.', 'b'] {
        table.ask(name);
    }
    let (requests, told) = table.promise(None);
    assert!(told.is_empty(), "answered before the round has ended: {told:?}");
    assert_eq!(proposed(&requests).value.as_deref(), Some("ab"));
    table.ask('c');
    assert_eq!(table.accepted(), ["a: a@1", ".: a@1", "b: ab@2"]);
    // The one that came too late has the next round, without a prepare.
    assert_eq!(table.accepted(), ["c: abc@3"]);
    assert!(table.key_proposer.is_idle());
}

#[test]
fn a_change_in_doubt_that_led_to_the_present_value_is_not_applied_again() {
    let mut table = Table::new();
    table.ask('a');
    let (requests, _) = table.promise(None);
    leave_in_doubt(&mut table);
    let mut cell = proposed(&requests);
    cell.value.as_mut().unwrap().push('x');
    cell.lineage.extend(foreign(3).accepted);
    table.ask('b');
    table.later();
    let (requests, _) = table.promise(Some(cell));
    assert_eq!(proposed(&requests).value.as_deref(), Some("axb"));
    assert_eq!(table.accepted(), ["a: a@1", "b: axb@2"]);
}

#[test]
fn a_change_in_doubt_that_led_nowhere_is_applied_again() {
    let mut table = Table::new();
    table.ask('a');
    let mut lineage = Lineage::since(Ballot::ZERO);
    table.promise(Some(VersionedValue { version: 3, value: None, lineage: lineage.clone() }));
    leave_in_doubt(&mut table);
    lineage.extend(foreign(3).accepted);
    table.later();
    let cell = VersionedValue { version: 4, value: Some("x".into()), lineage };
    let (requests, _) = table.promise(Some(cell));
    assert_eq!(proposed(&requests).value.as_deref(), Some("xa"));
    assert_eq!(table.accepted(), ["a: xa@5"]);
}

#[test]
fn a_first_write_that_meets_a_conflict_after_a_partial_accept_is_applied_again() {
    let mut table = Table::new();
    table.ask('a');
    table.promise(None);
    leave_in_doubt(&mut table);
    table.later();
    // The one acceptor that has accepted it does not take part.
    let (requests, told) = table.promise(None);
    assert!(told.is_empty(), "ended in doubt: {told:?}");
    assert_eq!(proposed(&requests).value.as_deref(), Some("a"));
    assert_eq!(table.accepted(), ["a: a@67"]);
}

#[test]
fn a_first_write_that_another_one_overtook_is_applied_again() {
    let mut table = Table::new();
    table.ask('a');
    table.promise(None);
    leave_in_doubt(&mut table);
    let mut lineage = Lineage::since(Ballot::ZERO);
    lineage.extend(foreign(3).accepted);
    table.later();
    let cell = VersionedValue { version: 3, value: Some("x".into()), lineage };
    table.promise(Some(cell));
    assert_eq!(table.accepted(), ["a: xa@4"]);
}

#[test]
fn a_doubt_from_before_a_register_was_collected_and_written_anew_cannot_be_cleared_up() {
    let mut table = Table::new();
    table.ask('a');
    table.promise(None);
    leave_in_doubt(&mut table);
    // Meanwhile it may have been found, deleted and collected, before this was written.
    let mut lineage = Lineage::since(Ballot::at_floor(2));
    lineage.extend(foreign(3).accepted);
    table.later();
    let cell = VersionedValue { version: 3, value: Some("x".into()), lineage };
    assert_eq!(table.promise(Some(cell)).1, ["a: Unknown(LineageForgotten)"]);
}

#[test]
fn where_a_register_may_have_been_collected_a_doubt_cannot_be_cleared_up() {
    let mut table = Table::new();
    table.ask('a');
    table.promise(None);
    leave_in_doubt(&mut table);
    table.later();
    assert_eq!(table.promise_with_floor(2, None).1, ["a: Unknown(LineageForgotten)"]);
}

#[test]
fn a_register_at_its_last_version_is_read_and_not_changed() {
    let mut table = Table::new();
    let lineage = Lineage::since(Ballot::ZERO);
    let cell = VersionedValue { version: HIGHEST_NUMBER, value: Some("x".into()), lineage };
    table.ask('a');
    table.ask('.');
    assert_eq!(table.promise(Some(cell)).1, ["a: NotApplied(CounterUsedUp)"]);
    assert_eq!(table.accepted(), [".: x@9007199254740991"]);
}

#[test]
fn a_counter_at_its_end_ends_all_changes_and_the_key_is_free() {
    let mut table = Table::new();
    table.proposer.jump_counter(HIGHEST_NUMBER - 2);
    table.ask('a');
    table.promise(None);
    table.accepted();
    assert_eq!(table.ask('b'), ["b: NotApplied(CounterUsedUp)"]);
    assert!(table.key_proposer.is_idle());
}

/// An acceptor erases what it holds and raises its floor in one step; but what it accepted last may be a read
/// that found nothing, which must not hide the floor.
#[test]
fn a_read_that_finds_nothing_hands_the_mark_on() {
    let mut table = Table::new();
    table.ask('.');
    let (requests, _) = table.promise_with_floor(7, None);
    assert_eq!(proposed(&requests), VersionedValue::nothing_since(Ballot::at_floor(7)));
    assert_eq!(table.accepted(), [".: @0"]);
}

#[test]
fn at_its_deadline_a_change_is_unknown_only_if_an_accept_is_out() {
    let mut table = Table::new();
    table.ask('a');
    assert_eq!(table.deadline().1, ["a: NotApplied(Deadline)"]);
    assert!(table.key_proposer.is_idle(), "a round that no caller waits for keeps the key");

    table.ask('b');
    table.ask('.');
    table.promise(None);
    assert_eq!(table.deadline().1, ["b: Unknown(Deadline)", ".: NotApplied(Deadline)"]);
    assert!(table.key_proposer.is_idle());
}

#[test]
fn a_key_proposer_without_changes_wants_no_waking() {
    let mut table = Table::new();
    table.ask('a');
    table.promise(None);
    leave_in_doubt(&mut table);
    // The next try would come after the deadline.
    assert_eq!(table.deadline().1, ["a: Unknown(Conflict)"]);
    assert!(table.key_proposer.is_idle());
    assert_eq!(table.wake_at(), None);
}

#[test]
fn a_round_without_changes_is_over_at_once() {
    let mut table = Table::new();
    table.ask('a');
    table.promise(None);
    leave_in_doubt(&mut table);
    table.later();
    table.promise_with_floor(2, None);
    assert!(table.key_proposer.is_idle(), "the key is kept by a round without a change");
}
