//! EDN, the notation of Clojure, in which Jepsen keeps its histories: reading and writing.
//!
//! Everything that the notation has is read; which of it can be the value of a call is the question
//! of `edn/record.rs`. See <https://github.com/edn-format/edn>.

mod read;
mod record;
mod write;

pub(crate) use read::{EdnError, after_space, form};
pub(crate) use record::{Values, record};
pub(crate) use write::event;

use serde_json::Number;

/// One form of EDN.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    Nil,
    Bool(bool),
    Number(Number),
    /// A number that 64 bits cannot hold exactly, or that is none: a ratio, `##NaN`.
    Unreadable(String),
    Text(String),
    /// Without its colon.
    Keyword(String),
    Symbol(String),
    Char(String),
    /// A list or a vector, which are equal if their elements are.
    Sequence(Vec<Self>),
    Set(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Tagged(String, Box<Self>),
}
