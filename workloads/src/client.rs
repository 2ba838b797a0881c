//! What a client asks of the system under test, and what it is told.

use harness_history::{Function, Outcome, Value};
use std::future::Future;

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What is asked.
    pub f: Function,
    /// The object.
    pub key: String,
    /// The argument, as histories write it: null for a read, `[from, to]` for a compare-and-set.
    pub value: Value,
}

/// How a call ended. When in doubt it is [`Outcome::Info`].
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whether it happened.
    pub outcome: Outcome,
    /// The result, as histories write it. A compare-and-set that was refused by what the object
    /// held answers [`Outcome::Fail`] with `{"observed": value}`.
    pub value: Value,
    /// Why it failed, or why nobody knows.
    pub error: Option<String>,
}

impl Answer {
    /// It happened, with this result.
    #[must_use]
    pub const fn ok(value: Value) -> Self {
        Self { outcome: Outcome::Ok, value, error: None }
    }
}

/// A system under test as one client sees it.
pub trait Client: Send + Sync + 'static {
    /// Makes the call and waits for its end, or for the client's deadline.
    fn call(&self, call: &Call) -> impl Future<Output = Answer> + Send;
}
