//! T0: the operations of a history in the form that the search takes, one object at a time.

use crate::action::{Action, State};
use crate::space::Space;
use crate::{ModelError, ModelKind, Settings, parse};
use harness_history::{Operation, Outcome};
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
    for operation in operations {
        let key = operation.key.as_deref();
        let history = keys.entry(key).or_insert_with(|| KeyHistory {
            key,
            model: settings.model,
            initial,
            space: fresh.clone(),
            calls: Vec::new(),
            sources: Vec::new(),
        });
        let source = history.sources.len();
        history.sources.push(operation);
        if let Some(action) = parse::parse(operation, settings, &mut history.space)? {
            let invoked = operation.invoked.position;
            let returned = match operation.outcome {
                Outcome::Info => None,
                Outcome::Ok | Outcome::Fail => operation.completed.map(|point| point.position),
            };
            history.calls.push(Call { action, invoked, returned, source });
        }
    }
    let mut keys: Vec<_> = keys.into_values().collect();
    for history in &mut keys {
        history.calls.sort_by_key(|call| call.invoked);
    }
    Ok(keys)
}
