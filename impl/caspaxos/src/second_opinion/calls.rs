//! The calls of the clients, and what a list must answer when they come one after another.

use alloc::vec::Vec;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

pub(super) type List = Vec<char>;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Append(char),
    Read,
}

/// What a client is told. Of an unknown outcome it is told nothing: such a call never returns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Return {
    /// The list that the call left.
    Committed(List),
    NotApplied,
}

/// The list that everybody appends to and reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct AppendList(List);

impl SequentialSpec for AppendList {
    type Op = Call;
    type Ret = Return;

    fn invoke(&mut self, call: &Call) -> Return {
        if let Call::Append(element) = call {
            self.0.push(*element);
        }
        Return::Committed(self.0.clone())
    }

    /// A call that is said not to have happened is a step that changes nothing.
    fn is_valid_step(&mut self, call: &Call, returned: &Return) -> bool {
        *returned == Return::NotApplied || self.invoke(call) == *returned
    }
}

/// One call of one client: the client's number, and which of its calls it is.
pub(super) type CallId = (usize, usize);

/// What the clients saw so far. Every call is a thread of its own to stateright, because a client
/// goes on after a call whose outcome it never learns.
pub(super) type History = LinearizabilityTester<CallId, AppendList>;

/// An empty history of an empty list.
pub(super) fn history() -> History {
    LinearizabilityTester::new(AppendList::default())
}

pub(super) fn invoke(history: &mut History, id: CallId, call: Call) {
    history.on_invoke(id, call).expect("a call is invoked once");
}

pub(super) fn return_from(history: &mut History, id: CallId, returned: Return) {
    history.on_return(id, returned).expect("a call returns once, after it was invoked");
}

mod tests {
    use super::*;
    use Return::{Committed, NotApplied};
    use alloc::vec;

    /// An append that returns as given, or never, followed by a read.
    fn read_after(append: Option<Return>, read: &[char]) -> bool {
        let mut history = history();
        invoke(&mut history, (0, 0), Call::Append('a'));
        if let Some(returned) = append {
            return_from(&mut history, (0, 0), returned);
        }
        invoke(&mut history, (0, 1), Call::Read);
        return_from(&mut history, (0, 1), Committed(read.to_vec()));
        history.is_consistent()
    }

    #[test]
    fn a_committed_append_must_be_read() {
        assert!(read_after(Some(Committed(vec!['a'])), &['a']));
        assert!(!read_after(Some(Committed(vec!['a'])), &[]));
    }

    #[test]
    fn an_append_that_was_not_applied_must_not_be_read() {
        assert!(read_after(Some(NotApplied), &[]));
        assert!(!read_after(Some(NotApplied), &['a']));
    }

    #[test]
    fn an_append_of_unknown_outcome_may_be_read_or_not_but_only_once() {
        assert!(read_after(None, &[]));
        assert!(read_after(None, &['a']));
        assert!(!read_after(None, &['a', 'a']));
    }
}
