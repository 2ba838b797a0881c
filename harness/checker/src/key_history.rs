//! T0: the operations of a history in the form that the search takes, one object at a time.

use crate::action::{Action, State};
use crate::parse::{self, Parsed};
use crate::space::Space;
use crate::{ModelError, ModelKind, Settings};
use harness_history::{Operation, Outcome};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// One call that takes part in the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) action: Action,
    /// Position of the invocation.
    pub(crate) invoked: usize,
    /// Position of the completion by which it has happened; none for a call open for ever.
    pub(crate) returned: Option<usize>,
    /// Index of its operation in [`KeyHistory::sources`].
    pub(crate) source: usize,
}

/// The operations on one object, ready to be checked; see [`split`].
#[derive(Debug, Clone)]
pub struct KeyHistory<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) model: ModelKind,
    pub(crate) initial: State,
    pub(crate) space: Space,
    /// In order of invocation.
    pub(crate) calls: Vec<Call>,
    /// All operations on the object, in order of invocation.
    pub(crate) sources: Vec<&'a Operation>,
    /// The first operation that no object of the model can have, and why.
    pub(crate) impossible: Option<Impossible>,
    /// Changes whose answers are taken as echoes of their arguments, but could be results.
    pub(crate) doubtful: Vec<Doubtful>,
}

/// An operation that cannot be, by itself.
#[derive(Debug, Clone)]
pub(crate) struct Impossible {
    /// Index in [`KeyHistory::sources`].
    pub(crate) source: usize,
    /// Such as `no list is 5`.
    pub(crate) why: String,
}

/// A change whose answer is taken as an echo of its argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doubtful {
    /// Index in [`KeyHistory::sources`].
    pub(crate) source: usize,
    /// What it is if its answer is the result.
    pub(crate) result: Action,
}

impl<'a> KeyHistory<'a> {
    /// The object; none when the history is about a single one.
    #[must_use]
    pub fn key(&self) -> Option<&'a str> {
        self.key
    }

    /// How many operations the object has, those included that say nothing.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.sources.len()
    }

    /// How many operations certainly happened.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.sources.iter().filter(|operation| operation.outcome == Outcome::Ok).count()
    }

    /// Adds an operation. True if its answer shows that answers of changes are results.
    fn take(&mut self, operation: &'a Operation, settings: &Settings) -> Result<bool, ModelError> {
        let source = self.sources.len();
        self.sources.push(operation);
        let mut is_result = false;
        let action = match parse::parse(operation, settings, &mut self.space)? {
            Parsed::Nothing => return Ok(false),
            Parsed::Action(action) => action,
            Parsed::Doubtful { echo, result } => {
                self.doubtful.push(Doubtful { source, result });
                echo
            }
            Parsed::Result(action) => {
                is_result = true;
                action
            }
            Parsed::Impossible(why) => {
                self.impossible.get_or_insert(Impossible { source, why });
                return Ok(false);
            }
        };
        let invoked = operation.invoked.position;
        let returned = match operation.outcome {
            Outcome::Info => None,
            Outcome::Ok | Outcome::Fail => operation.completed.map(|point| point.position),
        };
        self.calls.push(Call { action, invoked, returned, source });
        Ok(is_result)
    }

    fn take_doubtful_answers_as_results(&mut self) {
        self.calls = self.with_results();
        self.doubtful.clear();
    }

    /// The calls, if doubtful answers are results.
    pub(crate) fn with_results(&self) -> Vec<Call> {
        let results: FxHashMap<_, _> =
            self.doubtful.iter().map(|doubtful| (doubtful.source, doubtful.result)).collect();
        let mut calls = self.calls.clone();
        for call in &mut calls {
            call.action = results.get(&call.source).copied().unwrap_or(call.action);
        }
        calls
    }

    /// How many operations ended without anyone knowing how.
    #[must_use]
    pub fn indeterminate(&self) -> usize {
        self.sources.iter().filter(|operation| operation.outcome == Outcome::Info).count()
    }
}

/// Splits a history into its objects, sorted by key.
///
/// Linearizability is local: a history is linearizable if and only if it is so for each object
/// (Herlihy & Wing 1990, theorem 1). So each can be checked by itself, in parallel.
///
/// # Errors
/// [`ModelError`] names the event that the model does not know or cannot read.
pub fn split<'a>(
    operations: &'a [Operation],
    settings: &Settings,
) -> Result<Vec<KeyHistory<'a>>, ModelError> {
    let mut keys: BTreeMap<Option<&str>, KeyHistory<'a>> = BTreeMap::new();
    let mut fresh = Space::new();
    let initial = parse::initial(settings, &mut fresh)?;
    let mut results = false;
    for operation in operations {
        let key = operation.key.as_deref();
        let history = keys.entry(key).or_insert_with(|| KeyHistory {
            key,
            model: settings.model,
            initial,
            space: fresh.clone(),
            calls: Vec::new(),
            sources: Vec::new(),
            impossible: None,
            doubtful: Vec::new(),
        });
        results |= history.take(operation, settings)?;
    }
    let mut keys: Vec<_> = keys.into_values().collect();
    for history in &mut keys {
        if results {
            history.take_doubtful_answers_as_results();
        }
        history.calls.sort_by_key(|call| call.invoked);
    }
    Ok(keys)
}
