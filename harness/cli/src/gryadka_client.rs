//! A workload's calls as calls of a Gryadka store.

use gryadka::{Bytes, ChangeError, Decision, Gryadka};
use harness_history::{Function, Outcome, Value};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use workloads::{Answer, Call, Client};

/// A client of one node's proposer. Values are kept in the store as JSON; null is what a register
/// without a value holds, so to write it is to delete.
#[derive(Clone)]
pub(crate) struct GryadkaClient {
    pub(crate) store: Gryadka,
    pub(crate) deadline: Duration,
}

/// What a call was told by the store.
#[derive(Clone)]
pub(crate) enum Told {
    Done(Value),
    /// A compare-and-set met another value than it expected.
    Mismatch(Value),
}

impl From<Told> for Answer {
    fn from(told: Told) -> Self {
        match told {
            Told::Done(value) => Self::ok(value),
            Told::Mismatch(observed) => {
                let value = json!({ "observed": observed });
                Self { outcome: Outcome::Fail, value, error: None }
            }
        }
    }
}

impl Client for GryadkaClient {
    async fn call(&self, call: &Call) -> Answer {
        let (key, deadline) = (call.key.as_bytes(), Instant::now() + self.deadline);
        let result = if matches!(call.f, Function::Read | Function::Get) {
            let read = self.store.get(key, deadline).await;
            read.map(|found| Told::Done(decode(found.as_ref().map(|found| &found.value))))
        } else {
            let asked = call.clone();
            let change = move |present: gryadka::Present<'_>| step(&asked, decode(present.value));
            self.store.change(key, change, deadline).await
        };
        match result {
            Ok(told) => told.into(),
            Err(error) => {
                let (outcome, error) = (outcome(&error), Some(error.to_string()));
                Answer { outcome, value: call.value.clone(), error }
            }
        }
    }
}

/// What an error says of whether the change has happened.
const fn outcome(error: &ChangeError) -> Outcome {
    match error {
        ChangeError::NotApplied(_) | ChangeError::TooLong(_) => Outcome::Fail,
        ChangeError::Unknown(_) => Outcome::Info,
    }
}

/// What a call makes of what it finds in its register.
pub(crate) fn step(call: &Call, present: Value) -> Decision<Bytes, Told> {
    let asked = &call.value;
    match call.f {
        Function::Read | Function::Get => Decision::Keep(Told::Done(present)),
        // Nothing is there to delete: the register is as the call wants it.
        Function::Write | Function::Put if asked.is_null() && present.is_null() => {
            Decision::Keep(Told::Done(Value::Null))
        }
        Function::Write | Function::Put => put(asked, asked),
        Function::Cas if present == asked[0] => put(&asked[1], asked),
        Function::Cas => Decision::Keep(Told::Mismatch(present)),
        Function::Append => {
            let mut list = present.as_array().cloned().unwrap_or_default();
            list.push(asked.clone());
            put(&list.into(), &Value::Null)
        }
        Function::Add => {
            let sum = present.as_i64().unwrap_or(0).saturating_add(asked.as_i64().unwrap_or(0));
            put(&sum.into(), &Value::Null)
        }
    }
}

fn put(value: &Value, answer: &Value) -> Decision<Bytes, Told> {
    let bytes = (!value.is_null()).then(|| Bytes::from(value.to_string()));
    Decision::Put(bytes, Told::Done(answer.clone()))
}

/// What the store holds; null when it holds nothing. Bytes that are no JSON were not written by a
/// client, and are shown to the checker as a value, and a list, that nobody can have made.
pub(crate) fn decode(present: Option<&Bytes>) -> Value {
    present.map_or(Value::Null, |bytes| {
        serde_json::from_slice(bytes).unwrap_or_else(|_| json!([{ "unreadable": bytes.to_vec() }]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_certainly_not_done_has_failed() {
        use caspaxos::Reason::{Conflict, CounterUsedUp, Deadline, LineageForgotten, Unreachable};
        for reason in [Conflict, Unreachable, Deadline, LineageForgotten, CounterUsedUp] {
            assert_eq!(outcome(&ChangeError::NotApplied(reason)), Outcome::Fail, "{reason:?}");
            assert_eq!(outcome(&ChangeError::Unknown(reason)), Outcome::Info, "{reason:?}");
        }
    }

    #[test]
    fn to_write_null_is_to_delete() {
        let call = Call { f: Function::Write, key: "k".into(), value: Value::Null };
        assert!(matches!(step(&call, json!(7)), Decision::Put(None, Told::Done(Value::Null))));
        assert!(matches!(step(&call, Value::Null), Decision::Keep(Told::Done(Value::Null))));
    }
}
