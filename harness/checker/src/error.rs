//! Why a history cannot be judged by a model.

use crate::ModelKind;
use harness_history::Function;

/// An operation that the model does not know, or whose value it cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The model has no such operation.
    #[error("event {event}: the model {model} knows no `{f}`; it knows {known}")]
    Function {
        /// Position of the invocation in the history, from 0.
        event: usize,
        /// What was asked.
        f: Function,
        /// The model of the history.
        model: ModelKind,
        /// The operations that the model has.
        known: &'static str,
    },
    /// An argument or an answer is not what the operation has.
    #[error("event {event}: `{f}` with value {found}; {expected}")]
    Value {
        /// Position of the event in the history, from 0.
        event: usize,
        /// What was asked.
        f: Function,
        /// The value that was there, as JSON, shortened.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The initial value is none of the model's states.
    #[error("the initial value {found} is no state of the model {model}; {expected}")]
    Initial {
        /// The model of the history.
        model: ModelKind,
        /// The value that was given, as JSON, shortened.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
}
