//! One client call from its invocation to its completion.

use crate::{Event, Function, HistoryError, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How an operation ended. An invocation without any completion counts as [`Outcome::Info`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It happened between its invocation and its completion.
    Ok,
    /// It did not happen and never will.
    Fail,
    /// It may have happened, or may take effect at any time after its invocation.
    Info,
}

/// Where an event stands in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// The event's index, by which events are ordered.
    pub position: usize,
    /// Nanoseconds since the run began, for people.
    pub time: u64,
}

/// One client call.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The logical client that called.
    pub process: u64,
    /// What was asked.
    pub f: Function,
    /// The object; absent when the history is about a single one.
    pub key: Option<String>,
    /// The invocation's argument.
    pub input: Value,
    /// The completion's value; null when there is no completion.
    pub output: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// When the client called.
    pub invoked: Point,
    /// When the client learnt how it ended, if it did.
    pub completed: Option<Point>,
    /// Why it failed, or why nobody knows.
    pub error: Option<Value>,
}

/// Pairs invocations with their completions, in the order of invocation.
///
/// Events are known by their index where it rises from each to the next, and by their place, from
/// 0, where it does not.
///
/// An `info` without an open call is a remark, not an operation, and is passed over. A process may
/// call again after an `info`: its earlier call stays open for ever.
///
/// # Errors
/// [`HistoryError::StillOpen`] when a process calls while its call is open,
/// [`HistoryError::NotOpen`] when a call ends that never began, and [`HistoryError::OtherCall`]
/// when it ends as another function or on another key than it began.
pub fn operations(events: &[Event]) -> Result<Vec<Operation>, HistoryError> {
    let mut operations: Vec<Operation> = Vec::with_capacity(events.len() / 2 + 1);
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    let numbered = events.windows(2).all(|pair| pair[0].index < pair[1].index);
    for (place, event) in events.iter().enumerate() {
        let index = usize::try_from(event.index).ok().filter(|_| numbered);
        let position = index.unwrap_or(place);
        let point = Point { position, time: event.time };
        let outcome = match event.kind {
            Kind::Invoke => {
                if open.insert(event.process, operations.len()).is_some() {
                    return Err(HistoryError::StillOpen {
                        event: position,
                        process: event.process,
                    });
                }
                operations.push(begun(event, point));
                continue;
            }
            Kind::Ok => Outcome::Ok,
            Kind::Fail => Outcome::Fail,
            Kind::Info => Outcome::Info,
        };
        let Some(number) = open.remove(&event.process) else {
            if event.kind == Kind::Info {
                continue;
            }
            return Err(HistoryError::NotOpen { event: position, process: event.process });
        };
        let operation = &mut operations[number];
        if operation.f != event.f || operation.key != event.key {
            return Err(HistoryError::OtherCall { event: position, process: event.process });
        }
        operation.outcome = outcome;
        operation.output = event.value.clone();
        operation.completed = Some(point);
        operation.error.clone_from(&event.error);
    }
    Ok(operations)
}

fn begun(event: &Event, invoked: Point) -> Operation {
    Operation {
        process: event.process,
        f: event.f,
        key: event.key.clone(),
        input: event.value.clone(),
        output: Value::Null,
        outcome: Outcome::Info,
        invoked,
        completed: None,
        error: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::History;

    fn paired(text: &str) -> Result<Vec<Operation>, HistoryError> {
        operations(&History::parse(text.as_bytes()).unwrap().events)
    }

    #[test]
    fn pairs_overlapping_calls_and_leaves_the_unfinished_one_open() {
        let operations = paired(
            r#"{"index":0,"process":0,"type":"invoke","f":"write","value":1}
{"index":1,"process":1,"type":"invoke","f":"read"}
{"index":2,"process":1,"type":"ok","f":"read","value":1}
{"index":3,"process":0,"type":"ok","f":"write","value":1}
{"index":4,"process":1,"type":"invoke","f":"cas","value":[1,2]}
"#,
        )
        .unwrap();
        let ends: Vec<_> =
            operations.iter().map(|o| (o.f.name(), o.outcome, o.completed.is_some())).collect();
        assert_eq!(
            ends,
            [
                ("write", Outcome::Ok, true),
                ("read", Outcome::Ok, true),
                ("cas", Outcome::Info, false)
            ]
        );
    }

    #[test]
    fn names_the_event_that_ends_a_call_nobody_began() {
        let error = paired(r#"{"index":0,"process":7,"type":"ok","f":"read","value":1}"#);
        assert_eq!(
            error.unwrap_err().to_string(),
            "event 0: process 7 ends a call that it never began"
        );
    }

    #[test]
    fn names_the_event_that_calls_twice() {
        let error = paired(
            r#"{"index":0,"process":7,"type":"invoke","f":"read"}
{"index":1,"process":7,"type":"invoke","f":"read"}"#,
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "event 1: process 7 calls while its earlier call is still open"
        );
    }
}
