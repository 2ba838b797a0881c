//! A change function and the caller who waits for its answer, as the engine sees them.

use crate::limits::{Limits, TooLong};
use crate::{ChangeError, Present};
use bytes::Bytes;
use caspaxos::{Change, Decision, Outcome};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// A change function and its caller, whatever type the answer has.
pub(crate) trait Waiting: Send {
    fn apply(&mut self, present: Present<'_>) -> Decision<Bytes, ()>;
    fn settle(self: Box<Self>, end: Outcome<usize>);
}

pub(crate) type PendingChange = Box<dyn Waiting>;

impl Change<Bytes> for PendingChange {
    fn apply(&mut self, present: Present<'_>) -> Decision<Bytes, ()> {
        self.as_mut().apply(present)
    }
}

/// The longest value that is copied: about what a connection's read buffer grows to.
const COPIED: usize = 64 << 10;

/// The value without the buffer that it may be a part of: a body of a few bytes is often a slice of what
/// a connection has read, and the store may remember it for long.
fn detached(value: Bytes) -> Bytes {
    if value.len() <= COPIED { Bytes::copy_from_slice(&value) } else { value }
}

/// The answer of each application. None where the change function panicked.
type Answers<T> = Vec<Option<Result<T, TooLong>>>;

struct Asked<F, T> {
    f: F,
    limits: Limits,
    answers: Answers<T>,
    caller: oneshot::Sender<Result<T, ChangeError>>,
}

/// Makes a pending of a change function. The receiver ends without a word if the function panics.
pub(crate) fn pending<T, F>(
    f: F,
    limits: Limits,
) -> (PendingChange, oneshot::Receiver<Result<T, ChangeError>>)
where
    T: Send + 'static,
    F: FnMut(Present<'_>) -> Decision<Bytes, T> + Send + 'static,
{
    let (caller, answer) = oneshot::channel();
    (Box::new(Asked { f, limits, answers: Vec::with_capacity(1), caller }), answer)
}

impl<T, F> Waiting for Asked<F, T>
where
    T: Send,
    F: FnMut(Present<'_>) -> Decision<Bytes, T> + Send,
{
    fn apply(&mut self, present: Present<'_>) -> Decision<Bytes, ()> {
        // The function is the caller's: its panic is to be the caller's too, not the engine's.
        let step = catch_unwind(AssertUnwindSafe(|| (self.f)(present)));
        let (made, answer) = match step {
            Ok(Decision::Keep(answer)) => (Decision::Keep(()), Some(Ok(answer))),
            Ok(Decision::Put(value, answer)) => match self.limits.value(value.as_ref()) {
                Ok(()) => (Decision::Put(value.map(detached), ()), Some(Ok(answer))),
                Err(error) => (Decision::Keep(()), Some(Err(error))),
            },
            Err(_) => (Decision::Keep(()), None),
        };
        self.answers.push(answer);
        made
    }

    fn settle(mut self: Box<Self>, end: Outcome<usize>) {
        let result = match end {
            Outcome::Committed(at) if at < self.answers.len() => match self.answers.swap_remove(at)
            {
                Some(answer) => answer.map_err(ChangeError::TooLong),
                None => return,
            },
            // A key proposer names no application that it has not asked for.
            Outcome::Committed(_) => return,
            Outcome::NotApplied(reason) => Err(ChangeError::NotApplied(reason)),
            Outcome::Unknown(reason) => Err(ChangeError::Unknown(reason)),
        };
        // A caller who has gone away wants no answer.
        drop(self.caller.send(result));
    }
}
