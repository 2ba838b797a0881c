//! One line of a history.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What an event says about its operation. The words and their meaning are Jepsen's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The client is about to call.
    Invoke,
    /// The call certainly happened.
    Ok,
    /// The call certainly did not happen, and never will.
    Fail,
    /// Nobody knows: it may have happened, or may take effect at any later time.
    Info,
}

/// What a client asks of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// Reads the present value: of a register, a counter or a list.
    Read,
    /// Replaces the value.
    Write,
    /// Compare and set: the value is `[from, to]`, or `[expected version, to]`.
    Cas,
    /// Appends one element to a list, or a suffix to a string.
    Append,
    /// Adds a number to a counter.
    Add,
    /// Reads a string: the word of key-value histories.
    Get,
    /// Replaces a string: the word of key-value histories.
    Put,
}

impl Function {
    /// The name as histories spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Cas => "cas",
            Self::Append => "append",
            Self::Add => "add",
            Self::Get => "get",
            Self::Put => "put",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One line of a history: a client starts a call, or learns how it ended.
///
/// Events are ordered by their position in the file. `time` is for drawing: clocks may step back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Number of the event, from 0.
    pub index: u64,
    /// Nanoseconds since the run began.
    #[serde(default)]
    pub time: u64,
    /// The logical client. It is retired after an `info`; its thread goes on as another process.
    pub process: u64,
    /// Start, or how it ended.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What was asked.
    pub f: Function,
    /// The object; absent when the history is about a single one.
    #[serde(default)]
    pub key: Option<String>,
    /// Argument of an invocation, result of a completion.
    #[serde(default)]
    pub value: Value,
    /// Why it failed, or why nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}
