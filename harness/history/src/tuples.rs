//! Values that are `[key, value]`: how Jepsen's *independent* workloads write many objects.
//!
//! Nothing in a history tells such a tuple from a value that is a list of two, so the user has to
//! say which it is.

use crate::{Event, Function, HistoryError, Kind};
use serde_json::Value;
use std::collections::BTreeMap;

/// Takes each value apart into key and value. A compare-and-set may have them in one list,
/// `[key, from, to]`. A completion that is not ok and holds no tuple belongs to the key of its call.
///
/// # Errors
/// [`HistoryError::NoTuple`], and [`HistoryError::KeyOfTwoKinds`].
pub fn split_tuples(events: &mut [Event]) -> Result<(), HistoryError> {
    let mut open: BTreeMap<u64, (String, bool)> = BTreeMap::new();
    let mut kinds: BTreeMap<String, bool> = BTreeMap::new();
    for event in events {
        let refuse = |reason| {
            Err(HistoryError::NoTuple {
                event: event.index,
                value: event.value.to_string(),
                reason,
            })
        };
        if event.key.is_some() {
            return refuse("it has a key of its own");
        }
        let called = if event.kind == Kind::Invoke { None } else { open.remove(&event.process) };
        let (key, value) = match (taken_apart(event.f, &event.value), called) {
            (Some((key, value)), Some(called)) if called == key => (key, value),
            (Some((key, value)), None) => (key, value),
            (_, Some(called)) if !matches!(event.kind, Kind::Ok) || event.value.is_null() => {
                (called, event.value.clone())
            }
            (Some(_), Some(_)) => return refuse("it has another key than its call"),
            (None, None) if event.kind == Kind::Info => continue,
            (None, _) => {
                return refuse("it is no [key, value] with a string or a whole number as key");
            }
        };
        if *kinds.entry(key.0.clone()).or_insert(key.1) != key.1 {
            return Err(HistoryError::KeyOfTwoKinds { event: event.index, key: key.0 });
        }
        if event.kind == Kind::Invoke {
            open.insert(event.process, key.clone());
        }
        event.key = Some(key.0);
        event.value = value;
    }
    Ok(())
}

/// The key, whether it is a number, and the value.
fn taken_apart(f: Function, value: &Value) -> Option<((String, bool), Value)> {
    let (key, value) = match value.as_array()?.as_slice() {
        [key, value] => (key, value.clone()),
        [key, from, to] if f == Function::Cas => {
            (key, Value::Array(vec![from.clone(), to.clone()]))
        }
        _ => return None,
    };
    let key = match key {
        Value::String(name) => (name.clone(), false),
        Value::Number(number) if !number.is_f64() => (number.to_string(), true),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
        Value::Array(_) | Value::Object(_) => return None,
    };
    Some((key, value))
}

/// Whether every value could be a tuple, so that the user should be asked. `versioned`: what a read
/// answers is a pair in any case.
#[must_use]
pub fn look_like_tuples(events: &[Event], versioned: bool) -> bool {
    let tells = |event: &&Event| {
        let asks = event.kind == Kind::Invoke || event.kind == Kind::Ok;
        let pair_anyway = event.f == Function::Cas || (versioned && event.f == Function::Read);
        asks && !event.value.is_null() && !pair_anyway
    };
    let mut values = events.iter().filter(tells).peekable();
    values.peek().is_some()
        && values
            .all(|event| event.key.is_none() && taken_apart(Function::Read, &event.value).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::History;

    fn split(lines: &[&str]) -> Result<Vec<String>, String> {
        let text: String = lines.iter().map(|line| format!("{{{line}}}\n")).collect();
        let mut events = History::parse(text.as_bytes()).unwrap().events;
        split_tuples(&mut events).map_err(|error| error.to_string())?;
        let told =
            |event: &Event| format!("{}: {}", event.key.as_deref().unwrap_or("-"), event.value);
        Ok(events.iter().map(told).collect())
    }

    #[test]
    fn every_call_goes_to_its_key() {
        let split = split(&[
            r#""process":0,"type":"invoke","f":"write","value":["a",1]"#,
            r#""process":1,"type":"invoke","f":"cas","value":[7,[1,2]]"#,
            r#""process":2,"type":"invoke","f":"cas","value":["b",3,4]"#,
            r#""process":3,"type":"invoke","f":"read","value":["a",null]"#,
            r#""process":0,"type":"ok","f":"write","value":["a",1]"#,
            r#""process":1,"type":"fail","f":"cas","value":{"observed":5}"#,
            r#""process":2,"type":"info","f":"cas","value":null"#,
            r#""process":3,"type":"ok","f":"read","value":["a",1]"#,
            r#""process":4,"type":"info","f":"write","value":"a remark""#,
        ]);
        let right = [
            "a: 1",
            "7: [1,2]",
            "b: [3,4]",
            "a: null",
            "a: 1",
            "7: {\"observed\":5}",
            "b: null",
            "a: 1",
            "-: \"a remark\"",
        ];
        assert_eq!(split, Ok(right.map(String::from).to_vec()));
    }

    #[test]
    fn what_is_no_tuple_is_named() {
        let invoke = r#""process":0,"type":"invoke","f":"write","value":["a",1]"#;
        for (lines, said) in [
            (
                vec![r#""process":0,"type":"invoke","f":"write","value":3"#],
                "event 0: the value 3: it is no",
            ),
            (
                vec![r#""process":0,"type":"invoke","f":"write","value":[1,2,3]"#],
                "event 0: the value [1,2,3]: it is no",
            ),
            (
                vec![r#""process":0,"type":"invoke","f":"write","value":[null,2]"#],
                "event 0: the value [null,2]: it is no",
            ),
            (
                vec![r#""process":0,"type":"invoke","f":"write","value":[0.5,2]"#],
                "event 0: the value [0.5,2]: it is no",
            ),
            (
                vec![r#""process":0,"type":"invoke","f":"write","key":"k","value":["a",2]"#],
                "event 0: the value [\"a\",2]: it has a key",
            ),
            (
                vec![invoke, r#""process":0,"type":"ok","f":"write","value":["b",1]"#],
                "event 1: the value [\"b\",1]: it has another key",
            ),
            (
                vec![invoke, r#""process":0,"type":"ok","f":"write","value":1"#],
                "event 1: the value 1: it is no",
            ),
            (
                vec![
                    r#""process":0,"type":"invoke","f":"read","value":[1,null]"#,
                    r#""process":1,"type":"invoke","f":"read","value":["1",null]"#,
                ],
                "event 1: the key 1 is a number",
            ),
        ] {
            let error = split(&lines).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
