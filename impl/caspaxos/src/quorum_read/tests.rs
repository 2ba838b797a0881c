use super::ReadOutcome::{Decided, Inconclusive};
use super::*;
use crate::{Lineage, ProposerId, Stage};

type TestProgress = Progress<char, ReadOutcome<char>>;

fn x() -> VersionedValue<char> {
    VersionedValue { version: 1, value: Some('x'), lineage: Lineage::default() }
}

struct Reader {
    proposer: Proposer<(), char>,
    read: QuorumRead<char>,
}

fn reader(prepare: usize, accept: usize) -> Reader {
    let quorum = |size| Quorum::of(size, (0..3).map(AcceptorId));
    let configuration = Configuration::flexible(quorum(prepare), quorum(accept)).unwrap();
    let proposer = Proposer::new(ProposerId(1), configuration, 0);
    let mut read = QuorumRead::begin(&proposer, 1_000_000_000);
    assert!(matches!(Machine::<(), _>::poll(&mut read), Progress::Send(_)));
    Reader { proposer, read }
}

impl Reader {
    fn at(
        &mut self,
        now: u64,
        step: impl FnOnce(&mut QuorumRead<char>, &mut Context<'_, (), char>),
    ) -> TestProgress {
        let (proposer, draw) = (&mut self.proposer, &mut |bound| bound);
        step(&mut self.read, &mut Context { proposer, key: &(), now, draw });
        Machine::<(), _>::poll(&mut self.read)
    }

    /// An acceptor answers with the ballot of this counter, or not at all.
    fn hear(&mut self, from: u32, counter: Option<u64>) -> TestProgress {
        let acceptor = AcceptorId(from);
        let id = RequestId { acceptor, ballot: Ballot::ZERO, stage: Stage::Read };
        let Some(counter) = counter else {
            return self.at(0, |read, context| read.on_error(context, id, true));
        };
        let accepted = Ballot { counter, proposer: ProposerId(u64::from(counter > 0)) };
        let value = (counter > 0).then(x);
        self.at(0, |read, context| read.on_reply(context, id, Reply::Current { accepted, value }))
    }
}

/// What three answers come to, one after another; each is a ballot's counter, `None` lost.
fn after(mut reader: Reader, answers: [Option<u64>; 3]) -> Vec<TestProgress> {
    (0..).zip(answers).map(|(from, counter)| reader.hear(from, counter)).collect()
}

const WAIT: TestProgress = Progress::Wait;
const INCONCLUSIVE: TestProgress = Progress::Done(Inconclusive);

#[test]
fn a_majority_of_equal_answers_settles() {
    let x = Progress::Done(Decided(Some(x())));
    assert_eq!(after(reader(2, 2), [Some(1), Some(1), None])[..2], [WAIT, x.clone()]);
    assert_eq!(after(reader(2, 2), [Some(1), Some(2), Some(2)]), [WAIT, WAIT, x]);
    assert_eq!(after(reader(2, 2), [Some(1), Some(2), Some(3)]), [WAIT, WAIT, INCONCLUSIVE]);
    assert_eq!(after(reader(2, 2), [Some(2), None, Some(1)]), [WAIT, WAIT, INCONCLUSIVE]);
    assert_eq!(after(reader(2, 2), [None, None, Some(1)])[..2], [WAIT, INCONCLUSIVE]);
}

#[test]
fn a_register_that_nobody_wrote_is_empty() {
    let none = Progress::Done(Decided(None));
    assert_eq!(after(reader(2, 2), [Some(0), Some(0), None])[1], none);
}

#[test]
fn a_register_that_was_looked_at_and_held_nothing_is_empty() {
    let mut reader = reader(2, 2);
    let accepted = Ballot { counter: 1, proposer: ProposerId(1) };
    let mut hear = |from| {
        let value = Some(VersionedValue::nothing_since(Ballot::ZERO));
        let id = RequestId { acceptor: AcceptorId(from), ballot: Ballot::ZERO, stage: Stage::Read };
        let reply = Reply::Current { accepted, value };
        reader.at(0, |read, context| read.on_reply(context, id, reply))
    };
    assert_eq!(hear(0), WAIT);
    assert_eq!(hear(1), Progress::Done(Decided(None)));
}

#[test]
fn both_quorums_must_agree() {
    // Prepare by all, accept by one: an accept quorum alone may have been overwritten.
    assert_eq!(after(reader(3, 1), [Some(1), Some(1), Some(1)])[..2], [WAIT, WAIT]);
    assert_eq!(after(reader(3, 1), [Some(1), None, Some(1)])[1], INCONCLUSIVE);
    // Prepare by one, accept by all: a prepare quorum alone may hold what was never committed.
    assert_eq!(after(reader(1, 3), [Some(1), Some(1), Some(1)])[..2], [WAIT, WAIT]);
    assert_eq!(after(reader(1, 3), [Some(1), Some(2), Some(1)])[1], INCONCLUSIVE);
}

#[test]
fn once_acceptors_differ_the_others_are_waited_for_only_a_while() {
    let mut reader = reader(2, 2);
    reader.hear(0, Some(1));
    assert_eq!(Machine::<(), _>::wake_at(&reader.read), None);
    reader.hear(1, Some(2));
    assert_eq!(Machine::<(), _>::wake_at(&reader.read), Some(TIMEOUT));
    assert_eq!(reader.at(TIMEOUT - 1, Machine::on_time), WAIT);
    assert_eq!(reader.at(TIMEOUT, Machine::on_time), INCONCLUSIVE);
}

#[test]
fn a_read_that_no_acceptor_answers_ends_at_its_deadline() {
    let mut reader = reader(2, 2);
    assert_eq!(reader.at(999_999_999, Machine::on_time), WAIT);
    assert_eq!(reader.at(1_000_000_000, Machine::on_time), INCONCLUSIVE);
}
