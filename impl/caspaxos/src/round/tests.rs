//! How rounds end, and what they leave to the next one.

use super::*;
use crate::{Ballots, Proposer, ProposerId, Quorum};
use alloc::vec;

type TestRound = Round<char>;

fn members() -> impl Iterator<Item = AcceptorId> {
    (0..3).map(AcceptorId)
}

fn proposer(configuration: Configuration) -> Proposer<(), char> {
    Proposer::new(ProposerId(1), configuration, 8)
}

fn majority() -> Proposer<(), char> {
    proposer(Configuration::majority(members()).unwrap())
}

fn held(counter: u64) -> Ballots {
    let ballot = Ballot { counter, proposer: ProposerId(9) };
    Ballots { promised: ballot, accepted: ballot }
}

fn nothing(promise_floor: u64) -> Reply<VersionedValue<char>> {
    Reply::Promise { promise_floor, accepted: Ballot::ZERO, value: None }
}

type Decide = fn(Ballot, &VersionedValue<char>) -> Proposal<char>;

const PUT: Decide =
    |_, present| Proposal::Put(VersionedValue { version: 1, value: Some('x'), ..present.clone() });

const KEEP: Decide = |_, _| Proposal::Keep;

fn begin(proposer: &mut Proposer<(), char>, decide: Decide) -> TestRound {
    let (mut round, cached) = proposer.begin(&()).unwrap();
    round.start(cached, decide);
    round
}

/// Of a request of this round to this acceptor.
fn id(round: &TestRound, acceptor: AcceptorId, stage: Stage) -> RequestId {
    RequestId { acceptor, ballot: round.ballot(), stage }
}

/// A round whose change has been sent to all acceptors.
fn accepting(proposer: &mut Proposer<(), char>, decide: Decide) -> TestRound {
    let mut round = begin(proposer, decide);
    for from in members().take(proposer.configuration().prepare().size) {
        round.on_reply(id(&round, from, Stage::Prepare), nothing(0), decide);
    }
    assert!(round.is_accepting());
    round
}

fn reply(
    round: &mut TestRound,
    from: u32,
    reply: Reply<VersionedValue<char>>,
) -> Option<Outcome<()>> {
    match round.on_reply(id(round, AcceptorId(from), Stage::Accept), reply, PUT) {
        Progress::Done(result) => Some(result.outcome),
        Progress::Wait | Progress::Send(_) => None,
    }
}

#[test]
fn a_quorum_commits_and_a_repeated_reply_counts_once() {
    let mut round = accepting(&mut majority(), PUT);
    assert_eq!(reply(&mut round, 0, Reply::Accepted), None);
    assert_eq!(reply(&mut round, 0, Reply::Accepted), None);
    assert_eq!(reply(&mut round, 2, Reply::Accepted), Some(Outcome::Committed(())));
    assert_eq!(reply(&mut round, 1, Reply::Accepted), None);
}

#[test]
fn refused_by_all_is_not_applied_and_refused_by_most_is_unknown() {
    let mut round = accepting(&mut majority(), PUT);
    assert_eq!(reply(&mut round, 0, Reply::Refused(held(9))), None);
    assert_eq!(reply(&mut round, 1, Reply::Refused(held(9))), None);
    let all = Some(Outcome::NotApplied(Reason::Conflict));
    assert_eq!(reply(&mut round, 2, Reply::Refused(held(9))), all);

    let mut round = accepting(&mut majority(), PUT);
    assert_eq!(reply(&mut round, 0, Reply::Accepted), None);
    assert_eq!(reply(&mut round, 1, Reply::Refused(held(9))), None);
    let most = Some(Outcome::Unknown(Reason::Conflict));
    assert_eq!(reply(&mut round, 2, Reply::Refused(held(9))), most);
}

#[test]
fn an_accept_without_an_answer_is_unknown_at_the_deadline_but_a_read_is_not() {
    let mut change = accepting(&mut majority(), PUT);
    let outcome = change.give_up(Reason::Deadline).unwrap().outcome;
    assert_eq!(outcome, Outcome::Unknown(Reason::Deadline));
    let mut read = accepting(&mut majority(), KEEP);
    assert_eq!(
        read.give_up(Reason::Deadline).unwrap().outcome,
        Outcome::NotApplied(Reason::Deadline)
    );
    assert_eq!(read.give_up(Reason::Deadline), None);
}

#[test]
fn an_accept_that_reached_no_acceptor_is_not_applied() {
    let mut round = accepting(&mut majority(), PUT);
    for from in members().take(2) {
        assert_eq!(round.on_error(id(&round, from, Stage::Accept), false), Progress::Wait);
    }
    let Progress::Done(end) = round.on_error(id(&round, AcceptorId(2), Stage::Accept), false)
    else {
        panic!("not over")
    };
    assert_eq!(end.outcome, Outcome::NotApplied(Reason::Unreachable));
}

#[test]
fn a_prepare_lost_for_certain_says_nothing_about_the_accept() {
    let mut round = accepting(&mut majority(), PUT);
    for from in members() {
        assert_eq!(round.on_error(id(&round, from, Stage::Prepare), false), Progress::Wait);
    }
    assert_eq!(
        round.give_up(Reason::Deadline).unwrap().outcome,
        Outcome::Unknown(Reason::Deadline)
    );
}

#[test]
fn an_accept_may_overtake_its_own_prepare() {
    let mut round = accepting(&mut majority(), PUT);
    // The third acceptor's prepare arrives after the accept and meets what that one left.
    assert_eq!(reply(&mut round, 2, Reply::Conflict(held(1))), None);
    assert_eq!(reply(&mut round, 2, Reply::Accepted), None);
    assert_eq!(reply(&mut round, 1, Reply::Accepted), Some(Outcome::Committed(())));
}

/// What a round finds in a register, by the replies to its prepares.
fn found(replies: [Reply<VersionedValue<char>>; 2]) -> VersionedValue<char> {
    let (mut found, mut proposer) = (None, majority());
    let mut round = begin(&mut proposer, KEEP);
    for (from, reply) in members().zip(replies) {
        round.on_reply(id(&round, from, Stage::Prepare), reply, |_, present| {
            found = Some(present.clone());
            Proposal::Keep
        });
    }
    found.unwrap()
}

#[test]
fn a_register_that_holds_nothing_is_marked_with_the_highest_floor_of_the_promises() {
    let since = |counter| VersionedValue::nothing_since(Ballot::at_floor(counter));
    assert_eq!(found([nothing(0), nothing(0)]), VersionedValue::nothing_since(Ballot::ZERO));
    assert_eq!(found([nothing(7), nothing(4)]), since(7));
    assert_eq!(found([nothing(4), nothing(7)]), since(7));
}

/// Earlier releases committed that a register is empty without saying since when.
#[test]
fn a_register_that_was_accepted_as_empty_is_marked_with_its_ballot() {
    let accepted = held(12).accepted;
    let empty = Reply::Promise { promise_floor: 4, accepted, value: None };
    let since = |counter| VersionedValue::nothing_since(Ballot::at_floor(counter));
    assert_eq!(found([nothing(4), empty.clone()]), since(12));
    assert_eq!(found([empty, nothing(15)]), since(15));
}

#[test]
fn only_a_prepare_quorum_of_promises_saves_the_next_prepare() {
    let quorum = |size| Quorum::of(size, members());
    let flexible = Configuration::flexible(quorum(3), quorum(1)).unwrap();
    for (mut proposer, saved) in [(majority(), true), (proposer(flexible), false)] {
        let mut round = accepting(&mut proposer, PUT);
        let mut end = None;
        for from in members() {
            let id = id(&round, from, Stage::Accept);
            if let Progress::Done(over) = round.on_reply(id, Reply::Accepted, PUT) {
                end = Some(over);
            }
        }
        proposer.finish((), end.unwrap());
        let (_, cached) = proposer.begin(&()).unwrap();
        assert_eq!(cached.and_then(|present| present.value), saved.then_some('x'));
    }
}

#[test]
fn a_conflict_sends_the_proposer_past_what_it_was_shown() {
    let mut proposer = majority();
    let mut round = begin(&mut proposer, PUT);
    let mut ends = vec![];
    for from in members() {
        let id = id(&round, from, Stage::Prepare);
        ends.push(round.on_reply(id, Reply::Conflict(held(41)), PUT));
    }
    let Progress::Done(result) = &ends[1] else { panic!("two conflicts of three end it") };
    assert_eq!(result.outcome, Outcome::NotApplied(Reason::Conflict));
    proposer.finish((), result.clone());
    let round = begin(&mut proposer, PUT);
    assert!(round.ballot() > held(41).promised);
}
