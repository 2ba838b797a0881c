//! How rounds end, and what they leave to the next one.

use super::*;
use crate::{Ballots, Proposer, ProposerId, Quorum};
use alloc::vec;

type TestRound = Round<char, &'static str>;

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

/// A round whose change has been sent to all acceptors.
fn accepting(proposer: &mut Proposer<(), char>, step: Decision<char, &'static str>) -> TestRound {
    let (mut round, _) = proposer.begin(&());
    for from in members().take(proposer.configuration().prepare().size) {
        let promise = Reply::Promise { accepted: Ballot::ZERO, value: None };
        round.on_reply(from, round.ballot(), promise);
    }
    assert!(matches!(round.decide(step), Progress::Send(_)));
    round
}

fn reply(round: &mut TestRound, from: u32, reply: Reply<char>) -> Option<Outcome<&'static str>> {
    match round.on_reply(AcceptorId(from), round.ballot(), reply) {
        Progress::Over(end) => Some(end.outcome),
        Progress::Wait | Progress::Send(_) | Progress::Decide(_) => None,
    }
}

const PUT: Decision<char, &str> = Decision::Put(Some('x'), "put");

#[test]
fn a_quorum_commits_and_a_repeated_reply_counts_once() {
    let mut round = accepting(&mut majority(), PUT);
    assert_eq!(reply(&mut round, 0, Reply::Accepted), None);
    assert_eq!(reply(&mut round, 0, Reply::Accepted), None);
    assert_eq!(reply(&mut round, 2, Reply::Accepted), Some(Outcome::Committed("put")));
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
    let mut read = accepting(&mut majority(), Decision::Keep("read"));
    assert_eq!(
        read.give_up(Reason::Deadline).unwrap().outcome,
        Outcome::NotApplied(Reason::Deadline)
    );
    assert_eq!(read.give_up(Reason::Deadline), None);
}

#[test]
fn an_accept_that_reached_nobody_is_not_applied() {
    let mut round = accepting(&mut majority(), PUT);
    for from in members().take(2) {
        assert_eq!(round.on_error(from, Stage::Accept, false), Progress::Wait);
    }
    let Progress::Over(end) = round.on_error(AcceptorId(2), Stage::Accept, false) else {
        panic!("not over")
    };
    assert_eq!(end.outcome, Outcome::NotApplied(Reason::Unreachable));
}

#[test]
fn a_prepare_lost_for_certain_says_nothing_about_the_accept() {
    let mut round = accepting(&mut majority(), PUT);
    for from in members() {
        assert_eq!(round.on_error(from, Stage::Prepare, false), Progress::Wait);
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
    assert_eq!(reply(&mut round, 1, Reply::Accepted), Some(Outcome::Committed("put")));
}

#[test]
fn only_a_prepare_quorum_of_promises_saves_the_next_prepare() {
    let quorum = |size| Quorum::of(size, members());
    let flexible = Configuration::flexible(quorum(3), quorum(1)).unwrap();
    for (mut proposer, saved) in [(majority(), true), (proposer(flexible), false)] {
        let mut round = accepting(&mut proposer, PUT);
        let mut end = None;
        for from in members() {
            let ballot = round.ballot();
            if let Progress::Over(over) = round.on_reply(from, ballot, Reply::Accepted) {
                end = Some(over);
            }
        }
        proposer.finish((), &end.unwrap());
        let (_, next): (TestRound, _) = proposer.begin(&());
        assert_eq!(next == Progress::Decide(Some('x')), saved);
    }
}

#[test]
fn a_conflict_sends_the_proposer_past_what_it_was_shown() {
    let mut proposer = majority();
    let (mut round, _): (TestRound, _) = proposer.begin(&());
    let mut ends = vec![];
    for from in members() {
        let ballot = round.ballot();
        ends.push(round.on_reply(from, ballot, Reply::Conflict(held(41))));
    }
    let Progress::Over(end) = &ends[1] else { panic!("two conflicts of three end it") };
    assert_eq!(end.outcome, Outcome::NotApplied(Reason::Conflict));
    proposer.finish((), end);
    let (round, _): (TestRound, _) = proposer.begin(&());
    assert!(round.ballot() > held(41).promised);
}
