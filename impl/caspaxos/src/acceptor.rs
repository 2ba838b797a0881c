//! What an acceptor keeps of one register, and how it answers (paper §2.2).

use crate::rules::Rules;
use crate::{Ballot, Reply, Request};

/// The ballots that an acceptor holds of one register: what it judges a request by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ballots {
    /// The highest ballot promised.
    pub promised: Ballot,
    /// The ballot that the present value was accepted under.
    pub accepted: Ballot,
}

/// One register on one acceptor. A fresh one has promised and accepted nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register<V> {
    /// The highest ballot promised: lower ones are refused.
    pub promised: Ballot,
    /// The ballot that `value` was accepted under.
    pub accepted: Ballot,
    /// The value accepted last; `None` is the empty register.
    pub value: Option<V>,
}

impl<V> Default for Register<V> {
    fn default() -> Self {
        Self { promised: Ballot::ZERO, accepted: Ballot::ZERO, value: None }
    }
}

impl<V: Clone> Register<V> {
    /// Answers a request as an acceptor with this promise floor. The register changes in one step, or not
    /// at all.
    pub fn handle(
        &mut self,
        rules: &dyn Rules,
        promise_floor: u64,
        request: Request<V>,
    ) -> Reply<V> {
        match request {
            Request::Prepare { ballot } => {
                let held = self.ballots();
                if rules.refuses_prepare(held, ballot) {
                    return Reply::Conflict(held);
                }
                self.promised = ballot;
                #[cfg(any(test, feature = "mutants"))]
                if !rules.stores_promise() {
                    self.promised = held.promised;
                }
                let (accepted, value) = (self.accepted, self.value.clone());
                Reply::Promise { promise_floor, accepted, value }
            }
            Request::Accept { ballot, value, promise } => {
                if rules.refuses_accept(self.ballots(), ballot) {
                    return Reply::Refused(self.ballots());
                }
                self.promised = promise.max(ballot);
                self.accepted = ballot;
                self.value = value;
                Reply::Accepted
            }
            Request::Read => Reply::Current { accepted: self.accepted, value: self.value.clone() },
            // A register cannot erase itself: its acceptor does, see `member.rs`.
            Request::Collect { .. } => Reply::Erased(false),
        }
    }

    /// The ballots it holds.
    #[must_use]
    pub const fn ballots(&self) -> Ballots {
        Ballots { promised: self.promised, accepted: self.accepted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Faithful, ProposerId};
    use Reply::{Accepted, Conflict, Promise, Refused};

    fn ballot(counter: u64, proposer: u64) -> Ballot {
        Ballot { counter, proposer: ProposerId(proposer) }
    }

    fn prepare(register: &mut Register<char>, at: Ballot) -> Reply<char> {
        register.handle(&Faithful, 0, Request::Prepare { ballot: at })
    }

    fn accept(register: &mut Register<char>, at: Ballot, value: char, next: Ballot) -> Reply<char> {
        let value = Some(value);
        register.handle(&Faithful, 0, Request::Accept { ballot: at, value, promise: next })
    }

    #[test]
    fn a_promise_refuses_equal_and_lower_prepares_and_lower_accepts() {
        let mut register = Register::default();
        let (low, high) = (ballot(1, 1), ballot(1, 2));
        let nothing = Promise { promise_floor: 0, accepted: Ballot::ZERO, value: None };
        assert_eq!(prepare(&mut register, high), nothing);
        let held = Ballots { promised: high, accepted: Ballot::ZERO };
        assert_eq!(prepare(&mut register, high), Conflict(held));
        assert_eq!(prepare(&mut register, low), Conflict(held));
        assert_eq!(accept(&mut register, low, 'x', low), Refused(held));
        assert_eq!(accept(&mut register, high, 'x', high), Accepted);
    }

    #[test]
    fn an_accept_promises_the_next_ballot_and_happens_once() {
        let mut register = Register::default();
        let (first, next) = (ballot(1, 1), ballot(2, 1));
        assert_eq!(accept(&mut register, first, 'x', next), Accepted);
        let held = Ballots { promised: next, accepted: first };
        assert_eq!(accept(&mut register, first, 'y', next), Refused(held));
        assert_eq!(accept(&mut register, ballot(1, 9), 'y', next), Refused(held));
        assert_eq!(register.value, Some('x'));
        assert_eq!(accept(&mut register, next, 'z', ballot(3, 1)), Accepted);
    }
}
