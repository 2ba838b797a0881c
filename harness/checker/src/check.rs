//! The answer for a key, and for a whole history.

use crate::action::Action;
use crate::budget::{Budget, Exhausted, Meter};
use crate::decide::decide;
use crate::key_history::{Call, KeyHistory, split};
use crate::plan::SLOTS;
use crate::search::Found;
use crate::space::Space;
use crate::{ModelError, Settings, explain, shrink};
use harness_history::{Counterexample, Operation};
use std::fmt;

/// What was found about one key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyVerdict {
    /// The answer.
    pub outcome: KeyOutcome,
    /// The most configurations that the search held at once.
    pub configurations: usize,
}

/// The answer about one key.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyOutcome {
    /// Its operations can be put into a legal order.
    Linearizable,
    /// They cannot.
    Violation(Counterexample),
    /// The budget ran out. Nothing is claimed.
    Unknown(Undecided),
}

/// Why a key was not decided, and how far the search came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided {
    /// What ran out.
    pub limit: Limit,
    /// Position in the history of the furthest event reached.
    pub reached: usize,
    /// Position in the history of the key's last event.
    pub last: usize,
}

/// What can run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Budget::time`].
    Time,
    /// [`Budget::memory`].
    Memory,
    /// More calls that returned are open at once than a configuration has room for: 128.
    Width,
    /// Answers of changes repeat their arguments. If they are echoes there is a legal order, if they
    /// are results there is none, and no later read tells which.
    Answers,
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Limit::Time => f.write_str("the time for the check ran out")?,
            Limit::Memory => f.write_str("the memory for the check ran out")?,
            Limit::Width => write!(f, "more than {SLOTS} calls are open at once")?,
            Limit::Answers => {
                return f.write_str(
                    "every answer of a change is its argument again. If they only repeat it, say \
                     --answers echo: the calls can be put in order. If they are what the object then \
                     held, say --answers after: the calls cannot",
                );
            }
        }
        write!(f, "; the furthest event reached is {}, the last is {}", self.reached, self.last)
    }
}

/// Decides one key.
///
/// Where the answers of changes repeat their arguments they are taken as echoes, which claim
/// nothing. If as results they could not be put in order, that is only believed of changes that a
/// later read looks upon: an increment that was lost would show there. Else nothing is claimed.
#[must_use]
pub fn check_key(history: &KeyHistory<'_>, budget: &Budget<'_>) -> KeyVerdict {
    if let Some(impossible) = &history.impossible {
        let outcome = KeyOutcome::Violation(explain::impossible(history, impossible));
        return KeyVerdict { outcome, configurations: 0 };
    }
    let mut space = history.space.clone();
    let meter = Meter::new(budget);
    let decide = |calls: &[Call], space: &mut Space| {
        decide(history.model, history.initial, calls, space, &meter)
    };
    let mut decision = decide(&history.calls, &mut space);
    let mut in_doubt = false;
    if decision.found == Found::Linearizable && !all_are_shown(history) {
        let as_results = decide(&history.with_results(), &mut space);
        in_doubt = matches!(as_results.found, Found::Violation { .. });
        if !in_doubt {
            decision = as_results;
        }
    }
    let outcome = match decision.found {
        Found::Linearizable if in_doubt => {
            let last = last_event(history);
            KeyOutcome::Unknown(Undecided { limit: Limit::Answers, reached: last, last })
        }
        Found::Linearizable => KeyOutcome::Linearizable,
        Found::Violation { at } => {
            let core = shrink::shrink(history, at, &mut space, budget);
            KeyOutcome::Violation(explain::explain(history, &core, &mut space, budget))
        }
        Found::Undecided { reason, at } => KeyOutcome::Unknown(Undecided {
            limit: match reason {
                Exhausted::Time | Exhausted::Steps => Limit::Time,
                Exhausted::Memory => Limit::Memory,
                Exhausted::Slots => Limit::Width,
            },
            reached: at,
            last: last_event(history),
        }),
    };
    KeyVerdict { outcome, configurations: decision.peak }
}

/// Whether a read follows every change whose answer is in doubt.
fn all_are_shown(history: &KeyHistory<'_>) -> bool {
    let reads = history.calls.iter().filter(|call| matches!(call.action, Action::Read(_)));
    let last_read = reads.map(|call| call.invoked).max();
    let ends = history.doubtful.iter().map(|doubtful| history.sources[doubtful.source].completed);
    ends.flatten().all(|end| last_read.is_some_and(|read| read > end.position))
}

fn last_event(history: &KeyHistory<'_>) -> usize {
    let ends = history.calls.iter().map(|call| call.returned.unwrap_or(call.invoked));
    ends.max().unwrap_or_default()
}

/// The answer for a whole history.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// How many objects it is about.
    pub keys: usize,
    /// How many operations there are.
    pub operations: usize,
    /// How many of them certainly happened. If none has, finding no violation means nothing.
    pub acknowledged: usize,
    /// How many of them ended without anyone knowing how.
    pub indeterminate: usize,
    /// The most configurations held at once for one key.
    pub configurations: usize,
    /// The answer.
    pub answer: Answer,
}

/// The answer for a whole history.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Every key is linearizable.
    Valid,
    /// Some key is not; of several, the one with the shortest proof.
    Violation(Counterexample),
    /// No violation was found, but some key was not decided: why, and how far the search came.
    Unknown(String),
}

impl Check {
    /// The answer for no key at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            keys: 0,
            operations: 0,
            acknowledged: 0,
            indeterminate: 0,
            configurations: 0,
            answer: Answer::Valid,
        }
    }

    /// Takes in the verdict on one key. A violation beats an unknown, and that beats valid. The
    /// order of the keys does not matter, except that of two equal answers the first stays.
    #[must_use]
    pub fn with(mut self, history: &KeyHistory<'_>, verdict: KeyVerdict) -> Self {
        self.keys += 1;
        self.operations += history.operations();
        self.acknowledged += history.acknowledged();
        self.indeterminate += history.indeterminate();
        self.configurations = self.configurations.max(verdict.configurations);
        self.answer = match (self.answer, verdict.outcome) {
            (answer, KeyOutcome::Linearizable) => answer,
            (Answer::Violation(old), KeyOutcome::Violation(new)) => {
                let shorter = new.operations.len() < old.operations.len();
                Answer::Violation(if shorter { new } else { old })
            }
            (_, KeyOutcome::Violation(new)) => Answer::Violation(new),
            (Answer::Valid, KeyOutcome::Unknown(undecided)) => {
                Answer::Unknown(match history.key() {
                    Some(key) => format!("key {key}: {undecided}"),
                    None => undecided.to_string(),
                })
            }
            (answer, KeyOutcome::Unknown(_)) => answer,
        };
        self
    }
}

/// Decides a whole history, key by key.
///
/// # Errors
/// [`ModelError`] names the event that the model does not know or cannot read.
pub fn check(
    operations: &[Operation],
    settings: &Settings,
    budget: &Budget<'_>,
) -> Result<Check, ModelError> {
    let histories = split(operations, settings)?;
    let add = |check: Check, history| check.with(history, check_key(history, budget));
    Ok(histories.iter().fold(Check::nothing(), add))
}
