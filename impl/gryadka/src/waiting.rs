//! Somebody who waits for a change, as the engine sees them.

use crate::limits::{Limits, TooLong};
use crate::{ChangeError, Present};
use bytes::Bytes;
use caspaxos::{Change, Made, Settled, Step};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// A change function and its caller, whatever type the answer has.
pub(crate) trait Waiting: Send {
    fn apply(&mut self, present: Present<'_>) -> Made<Bytes>;
    fn settle(self: Box<Self>, end: Settled);
}

pub(crate) type Waiter = Box<dyn Waiting>;

impl Change<Bytes> for Waiter {
    fn apply(&mut self, present: Present<'_>) -> Made<Bytes> {
        self.as_mut().apply(present)
    }
}

/// The answer of each application. None where the change function panicked.
type Answers<T> = Vec<Option<Result<T, TooLong>>>;

struct Asked<F, T> {
    f: F,
    limits: Limits,
    answers: Answers<T>,
    caller: oneshot::Sender<Result<T, ChangeError>>,
}

/// Makes a waiter of a change function. The receiver ends without a word if the function panics.
pub(crate) fn waiter<T, F>(
    f: F,
    limits: Limits,
) -> (Waiter, oneshot::Receiver<Result<T, ChangeError>>)
where
    T: Send + 'static,
    F: FnMut(Present<'_>) -> Step<Bytes, T> + Send + 'static,
{
    let (caller, answer) = oneshot::channel();
    (Box::new(Asked { f, limits, answers: Vec::with_capacity(1), caller }), answer)
}

impl<T, F> Waiting for Asked<F, T>
where
    T: Send,
    F: FnMut(Present<'_>) -> Step<Bytes, T> + Send,
{
    fn apply(&mut self, present: Present<'_>) -> Made<Bytes> {
        // The function is the caller's: its panic is to be the caller's too, not the engine's.
        let step = catch_unwind(AssertUnwindSafe(|| (self.f)(present)));
        let (made, answer) = match step {
            Ok(Step::Keep(answer)) => (Made::Keep, Some(Ok(answer))),
            Ok(Step::Put(value, answer)) => match self.limits.value(value.as_ref()) {
                Ok(()) => (Made::Put(value), Some(Ok(answer))),
                Err(error) => (Made::Keep, Some(Err(error))),
            },
            Err(_) => (Made::Keep, None),
        };
        self.answers.push(answer);
        made
    }

    fn settle(mut self: Box<Self>, end: Settled) {
        let result = match end {
            Settled::Committed(at) if at < self.answers.len() => match self.answers.swap_remove(at)
            {
                Some(answer) => answer.map_err(ChangeError::TooLong),
                None => return,
            },
            // A desk names no application that it has not asked for.
            Settled::Committed(_) => return,
            Settled::NotApplied(why) => Err(ChangeError::NotApplied(why)),
            Settled::Unknown(why) => Err(ChangeError::Unknown(why)),
        };
        // A caller who has gone away wants no answer.
        drop(self.caller.send(result));
    }
}
