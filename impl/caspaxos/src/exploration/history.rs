//! What the clients asked and were told, and whether one order of the calls explains it.
//!
//! A call that committed has happened once, between its asking and its answer; one of unknown
//! outcome, or still open, may have happened; one that was not applied has not. The calls of one
//! proposer's key proposer happen in the order in which they were asked. What a later reader could find
//! is one more answer, to a read after everything else.

use crate::{Change, Decision, Outcome, Present, VersionedValue};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Up to eight letters, the newest in the lowest byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct List(u64);

impl List {
    fn with(list: Option<Self>, letter: char) -> Self {
        Self(list.map_or(0, |list| list.0 << 8) | u64::from(letter))
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.0.to_be_bytes().into_iter().skip_while(|byte| *byte == 0);
        letters.map(char::from).try_for_each(|letter| write!(f, "{letter}"))
    }
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Op {
    Append(char),
    Delete,
    Read,
}

/// The value that an operation saw, made or deleted, and the version that it saw or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Answer {
    value: Option<List>,
    version: u64,
}

impl Answer {
    /// What a register says.
    pub(super) fn of(cell: Option<&VersionedValue<List>>) -> Self {
        let version = cell.map_or(0, |cell| cell.version);
        Self { value: cell.and_then(|cell| cell.value), version }
    }
}

/// An operation on its way through a key proposer, with the answer of each application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Call {
    pub(super) number: usize,
    pub(super) op: Op,
    pub(super) answers: Vec<Answer>,
}

impl Change<List> for Call {
    fn apply(&mut self, present: Present<'_, List>) -> Decision<List, ()> {
        let before = present.value.copied();
        let (value, version, made) = match self.op {
            Op::Append(letter) => {
                let list = Some(List::with(before, letter));
                (list, present.next, Decision::Put(list, ()))
            }
            Op::Delete if before.is_some() => (before, present.next, Decision::Put(None, ())),
            // There is nothing to delete.
            Op::Delete | Op::Read => (before, present.version, Decision::Keep(())),
        };
        self.answers.push(Answer { value, version });
        made
    }
}

/// What is known of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Told {
    /// Open, or of unknown outcome.
    Maybe,
    Done(Answer),
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Entry {
    op: Op,
    told: Told,
    /// The calls that were answered before this one was asked, one bit each.
    after: u32,
    /// The calls that it may only follow, where both happen: those asked before at its key proposer.
    behind: u32,
}

/// All calls, in the order of their asking.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct History(Arc<Vec<Entry>>);

/// What one order of calls leads to.
#[derive(Debug, Clone, Copy)]
struct Point {
    value: Option<List>,
    version: u64,
    /// No more is known of the version than that it is at least so high.
    rough: bool,
}

impl Point {
    /// What a call makes of it; `None` where its answer is not to be explained here.
    fn after(self, op: Op, told: Told) -> Option<Self> {
        let (value, said) = match op {
            Op::Append(letter) => (Some(List::with(self.value, letter)), None),
            Op::Delete => (None, self.value),
            Op::Read => (self.value, self.value),
        };
        let puts = value != self.value;
        match told {
            Told::Done(answer) if answer.value != said.or(value) => None,
            Told::Done(answer) if puts => (answer.version > self.version).then_some(Self {
                value,
                version: answer.version,
                rough: false,
            }),
            Told::Done(answer) => self.shows(answer).then_some(self),
            Told::Maybe if puts => Some(Self { value, version: self.version + 1, rough: true }),
            Told::Maybe => Some(self),
            Told::Never => None,
        }
    }

    /// Whether a read here may answer this. What does not exist has no version to speak of.
    fn shows(self, answer: Answer) -> bool {
        let exact = answer.version == self.version;
        let version = exact || (self.rough && answer.version > self.version);
        answer.value == self.value && (version || self.value.is_none())
    }
}

impl History {
    /// Notes that a call begins; `behind` are the calls that its key proposer has taken before it.
    pub(super) fn ask(&mut self, op: Op, behind: u32) -> usize {
        let after = self.bits(|told| matches!(told, Told::Done(_)));
        Arc::make_mut(&mut self.0).push(Entry { op, told: Told::Maybe, after, behind });
        self.0.len() - 1
    }

    /// Notes how it ended.
    pub(super) fn settle(&mut self, call: &Call, end: Outcome<usize>) {
        match end {
            Outcome::Committed(at) => self.answer(call.number, call.answers[at]),
            Outcome::NotApplied(_) => self.never(call.number),
            Outcome::Unknown(_) => {}
        }
    }

    pub(super) fn answer(&mut self, number: usize, answer: Answer) {
        Arc::make_mut(&mut self.0)[number].told = Told::Done(answer);
    }

    pub(super) fn never(&mut self, number: usize) {
        Arc::make_mut(&mut self.0)[number].told = Told::Never;
    }

    /// The call that was asked last.
    pub(super) fn last(&self) -> Option<usize> {
        self.0.len().checked_sub(1)
    }

    pub(super) fn is_answered(&self, number: usize) -> bool {
        matches!(self.0[number].told, Told::Done(_))
    }

    /// How many calls were answered.
    pub(super) fn answered(&self) -> u32 {
        self.bits(|told| matches!(told, Told::Done(_))).count_ones()
    }

    fn bits(&self, wanted: impl Fn(Told) -> bool) -> u32 {
        let numbers = (0..).zip(self.0.iter()).filter(|(_, entry)| wanted(entry.told));
        numbers.fold(0, |bits, (number, _): (u32, _)| bits | 1 << number)
    }

    /// Whether some order of the calls explains all answers and ends at what is found.
    pub(super) fn explains(&self, found: Answer) -> bool {
        let never = self.bits(|told| told == Told::Never);
        self.search(never, never, Point { value: None, version: 0, rough: false }, found)
    }

    /// Goes on from a point, where these calls have been placed, or passed over for good.
    fn search(&self, placed: u32, passed: u32, point: Point, found: Answer) -> bool {
        let open = self.bits(|told| matches!(told, Told::Done(_))) & !placed;
        if open == 0 && point.shows(found) {
            return true;
        }
        (0..).zip(self.0.iter()).any(|(number, entry): (u32, _)| {
            let bit = 1 << number;
            // The calls that are behind this one at the key proposer can happen no more.
            let overtaken = (0..).zip(self.0.iter()).any(|(later, other): (u32, _)| {
                placed & !passed & (1 << later) != 0 && other.behind & bit != 0
            });
            if placed & bit != 0 || overtaken || entry.after & !placed != 0 {
                return false;
            }
            let next = point.after(entry.op, entry.told);
            next.is_some_and(|next| self.search(placed | bit, passed, next, found))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, version: u64) -> Answer {
        let value = text.chars().fold(None, |list, letter| Some(List::with(list, letter)));
        Answer { value, version }
    }

    #[test]
    fn an_open_call_may_have_happened_once() {
        let mut history = History::default();
        history.ask(Op::Append('a'), 0);
        assert!(history.explains(answer("", 0)) && history.explains(answer("a", 1)));
        assert!(!history.explains(answer("aa", 2)));
        history.never(0);
        assert!(!history.explains(answer("a", 1)));
    }

    #[test]
    fn an_answered_call_has_happened_before_those_asked_later() {
        let mut history = History::default();
        history.ask(Op::Append('a'), 0);
        history.answer(0, answer("a", 4));
        history.ask(Op::Append('b'), 0);
        assert!(history.explains(answer("a", 4)) && history.explains(answer("ab", 5)));
        assert!(!history.explains(answer("ba", 5)) && !history.explains(answer("", 0)));
        history.ask(Op::Read, 0);
        history.answer(2, answer("", 0));
        assert!(!history.explains(answer("a", 4)), "the read was stale");
    }

    #[test]
    fn a_key_proposer_keeps_the_order() {
        let mut history = History::default();
        history.ask(Op::Append('a'), 0);
        history.ask(Op::Append('b'), 0b1);
        assert!(history.explains(answer("ab", 2)) && history.explains(answer("b", 1)));
        assert!(!history.explains(answer("ba", 2)));
    }

    #[test]
    fn a_version_does_not_come_twice() {
        let mut history = History::default();
        history.ask(Op::Append('a'), 0);
        history.answer(0, answer("a", 2));
        history.ask(Op::Delete, 0);
        history.ask(Op::Append('b'), 0);
        history.answer(2, answer("b", 2));
        assert!(!history.explains(answer("b", 2)));
        history.answer(2, answer("b", 7));
        assert!(history.explains(answer("b", 7)));
    }
}
