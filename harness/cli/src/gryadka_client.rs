//! A workload's calls as changes of a Gryadka store.

use crate::cluster::AnyAcceptor;
use gryadka::{Bytes, ChangeError, Step, Store};
use harness_history::{Function, Outcome, Value};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use workloads::{Answer, Call, Client};

/// A client of one node's proposer. Values are kept in the store as JSON.
#[derive(Clone)]
pub(crate) struct GryadkaClient {
    pub(crate) store: Arc<Store<AnyAcceptor>>,
    pub(crate) deadline: Duration,
}

/// What a change was told, beside that it committed.
#[derive(Clone)]
enum Told {
    Done(Value),
    /// A compare-and-set met another value than it expected.
    Mismatch(Value),
}

impl Client for GryadkaClient {
    async fn call(&self, call: &Call) -> Answer {
        let deadline = Instant::now() + self.deadline;
        let change = |present: Option<&Bytes>| step(call, decode(present));
        let result = self.store.change(call.key.as_bytes(), change, deadline).await;
        match result {
            Ok(Told::Done(value)) => Answer::ok(value),
            Ok(Told::Mismatch(observed)) => Answer {
                outcome: Outcome::Fail,
                value: json!({ "observed": observed }),
                error: None,
            },
            Err(error) => {
                let outcome = match error {
                    ChangeError::NotApplied(_) => Outcome::Fail,
                    ChangeError::Unknown(_) => Outcome::Info,
                };
                Answer { outcome, value: call.value.clone(), error: Some(error.to_string()) }
            }
        }
    }
}

fn step(call: &Call, present: Value) -> Step<Bytes, Told> {
    let asked = &call.value;
    match call.f {
        Function::Read | Function::Get => Step::Keep(Told::Done(present)),
        Function::Write | Function::Put => put(asked, asked),
        Function::Cas if present == asked[0] => put(&asked[1], asked),
        Function::Cas => Step::Keep(Told::Mismatch(present)),
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

fn put(value: &Value, answer: &Value) -> Step<Bytes, Told> {
    Step::Put(Some(Bytes::from(value.to_string())), Told::Done(answer.clone()))
}

/// What the store holds; null when it holds nothing. Bytes that are no JSON were not written by a
/// client, and are shown to the checker as a value, and a list, that nobody can have made.
fn decode(present: Option<&Bytes>) -> Value {
    present.map_or(Value::Null, |bytes| {
        serde_json::from_slice(bytes).unwrap_or_else(|_| json!([{ "unreadable": bytes.to_vec() }]))
    })
}
