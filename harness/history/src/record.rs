//! One event of a history that other tools have written, from its fields.
//!
//! What is not understood is not passed over: a field with an unknown name may be a misspelt one.

use crate::{Event, Function, Kind};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Fields that Jepsen's tools add, and that say nothing about what a call did.
const OF_JEPSEN: [&str; 6] = ["node", "thread", "exception", "debug", "final?", "clock-offsets"];
/// The first number that is too high for an index: JSON written by JavaScript ends here.
pub(crate) const HIGHEST_INDEX: u64 = 1 << 53;

/// The fields of one JSON object, in order, each there once.
#[derive(Debug)]
pub(crate) struct Fields(pub(crate) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event, which is an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// What a record is.
#[derive(Debug)]
pub(crate) enum Record {
    Event(Numbered),
    /// Something that the nemesis did, or said.
    OfNemesis,
}

/// An event, and how its file numbers it.
#[derive(Debug)]
pub(crate) struct Numbered {
    /// Its `index` is the one of the file only if `numbered`.
    pub(crate) event: Event,
    pub(crate) numbered: bool,
    /// The key was a number.
    pub(crate) numeric_key: bool,
}

/// Reads the fields of an event; those whose names are in `ignored` are passed over.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn record(Fields(fields): Fields, ignored: &[String]) -> Result<Record, String> {
    let mut named: Map<String, Value> = Map::new();
    for (name, value) in fields {
        let known = ["index", "time", "process", "type", "f", "key", "value", "error"];
        if known.contains(&name.as_str()) {
            if named.insert(name.clone(), value).is_some() {
                return Err(format!("the field `{name}` is there twice"));
            }
        } else if !OF_JEPSEN.contains(&name.as_str()) && !ignored.contains(&name) {
            // The fields of a nemesis may have any names.
            named.entry("unknown").or_insert(Value::String(name));
        }
    }
    let process = named.get("process").ok_or("the field `process` is missing")?;
    if process.as_str().is_some_and(|name| name.trim_start_matches(':') == "nemesis") {
        return Ok(Record::OfNemesis);
    }
    if let Some(unknown) = named.get("unknown").and_then(Value::as_str) {
        return Err(format!(
            "the field `{unknown}` is unknown; if it says nothing about what the call did, say \
             --ignore-field {unknown}"
        ));
    }
    let process = process.as_u64().ok_or_else(|| {
        format!("the process {process} is neither a whole number, 0 or more, nor nemesis")
    })?;
    let kind: Kind = word(&named, "type")?;
    let f: Function;
    let mut value = named.get("value").cloned().unwrap_or_default();
    if named.get("f").and_then(Value::as_str).map(bare) == Some("add-and-get") {
        f = Function::Add;
        value = if kind == Kind::Ok { total(value) } else { value };
    } else {
        f = word(&named, "f")?;
    }
    let (key, numeric_key) = key(named.get("key"))?;
    let index = index(named.get("index"))?;
    let event = Event {
        index: index.unwrap_or_default(),
        time: time(named.get("time"))?,
        process,
        kind,
        f,
        key,
        value,
        error: named.get("error").cloned().filter(|error| !error.is_null()),
    };
    Ok(Record::Event(Numbered { event, numbered: index.is_some(), numeric_key }))
}

/// A word of a fixed set, with or without Clojure's colon.
fn word<T: for<'de> Deserialize<'de>>(
    named: &Map<String, Value>,
    field: &str,
) -> Result<T, String> {
    let value = named.get(field).ok_or_else(|| format!("the field `{field}` is missing"))?;
    let Some(text) = value.as_str() else { return Err(format!("`{field}` is {value}, no word")) };
    serde_json::from_value(bare(text).into()).map_err(|error| format!("`{field}`: {error}"))
}

fn bare(word: &str) -> &str {
    word.strip_prefix(':').unwrap_or(word)
}

/// The answer of `add-and-get` is the total, alone or behind the amount; it never repeats the
/// argument, so it is written such that it cannot be taken for that.
fn total(value: Value) -> Value {
    if value.is_i64() || value.is_u64() { serde_json::json!({ "total": value }) } else { value }
}

fn key(value: Option<&Value>) -> Result<(Option<String>, bool), String> {
    match value {
        None | Some(Value::Null) => Ok((None, false)),
        Some(Value::String(name)) => Ok((Some(name.clone()), false)),
        Some(Value::Number(number)) if !number.is_f64() => Ok((Some(number.to_string()), true)),
        Some(other) => Err(format!("the key {other} is neither a string nor a whole number")),
    }
}

fn index(value: Option<&Value>) -> Result<Option<u64>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(index) => index
            .as_u64()
            .filter(|&index| index < HIGHEST_INDEX)
            .map(Some)
            .ok_or_else(|| format!("the index {index} is no whole number from 0 to 2^53 - 1")),
    }
}

/// Times are only drawn, never judged by; those before the start are drawn at it.
fn time(value: Option<&Value>) -> Result<u64, String> {
    match value {
        None | Some(Value::Null) => Ok(0),
        Some(time) if time.as_i64().is_some_and(|time| time < 0) => Ok(0),
        Some(time) => time
            .as_u64()
            .ok_or_else(|| format!("the time {time} is no whole number of nanoseconds")),
    }
}
