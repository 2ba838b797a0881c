//! What the answer of a change says.
//!
//! | answer | [`Answers::Auto`] takes it as |
//! |---|---|
//! | null | nothing |
//! | the argument again | an echo, as Jepsen's clients complete their calls |
//! | a counter's total or an object's version, which can be the argument again | echoes, if that is so for all such answers of the history; else all of them are results |
//! | `{"total": n}`, `[amount, n]` of `add` | the new total: the answers of `add-and-get` |
//! | `[version, value]` of a versioned object, where it is not the argument | the result |
//! | an array of `append` | the whole list |
//! | anything else that an object can hold | unclear: the check stops and asks |
//! | anything that no object can hold | a violation |
//!
//! Where all answers are echoes, but as results could not be put in order, echoes are believed only
//! as far as later reads show that the changes have happened; see [`crate::check_key`].

use crate::action::{Action, State};
use crate::parse::{Parsed, Unfit, excerpt, state, total, version};
use crate::space::Space;
use crate::{Answers, ModelKind, Settings};
use harness_history::{Function, Operation};
use serde_json::Value;

const ASK: &str = "the answer is null or the argument again; if it is what the object then held say \
                   --answers after, if what it held before say --answers before";
const ECHO: &str = "under --answers echo the answer is null or the argument again";

/// The change together with what it was told.
///
/// # Errors
/// [`Unfit`], if the answer does not fit.
pub(crate) fn told(
    operation: &Operation,
    settings: &Settings,
    change: Action,
    space: &mut Space,
) -> Result<Parsed, Unfit> {
    let (answer, argument) = (&operation.output, &operation.input);
    let teller = Teller { operation, model: settings.model, change };
    if let Some(total) = teller.total_by_form()? {
        return teller.after(total, space).map(Parsed::Action);
    }
    match settings.answers {
        Answers::Before => return teller.before(space).map(Parsed::Action),
        _ if answer.is_null() => return Ok(Parsed::Action(change)),
        Answers::Echo if answer == argument => return Ok(Parsed::Action(change)),
        Answers::Echo => return Err(Unfit::Unclear(ECHO)),
        // A list of what was expected and what was set is never the result of setting it.
        _ if operation.f == Function::Cas && answer == argument => {
            return Ok(Parsed::Action(change));
        }
        Answers::After => return teller.after(answer, space).map(Parsed::Action),
        Answers::Auto => {}
    }
    let result = teller.after(answer, space);
    let countable = match settings.model {
        ModelKind::Counter | ModelKind::VersionedCas => answer.is_number(),
        ModelKind::Register | ModelKind::CasRegister => false,
        ModelKind::Append | ModelKind::KvAppend => false,
    };
    if answer == argument {
        return Ok(match result {
            Ok(result) if countable => Parsed::Doubtful { echo: change, result },
            Ok(_) | Err(_) => Parsed::Action(change),
        });
    }
    match settings.model {
        ModelKind::Counter | ModelKind::VersionedCas => result.map(Parsed::Result),
        ModelKind::Append => result.map(Parsed::Action),
        ModelKind::Register | ModelKind::CasRegister => Err(Unfit::Unclear(ASK)),
        ModelKind::KvAppend => state(settings.model, answer, space).and(Err(Unfit::Unclear(ASK))),
    }
}

struct Teller<'o> {
    operation: &'o Operation,
    model: ModelKind,
    change: Action,
}

impl<'o> Teller<'o> {
    /// The total, where the answer of an addition says by its form that it is one.
    fn total_by_form(&self) -> Result<Option<&'o Value>, Unfit> {
        if self.operation.f != Function::Add {
            return Ok(None);
        }
        match &self.operation.output {
            Value::Object(fields) if fields.len() == 1 => Ok(fields.get("total")),
            Value::Array(pair) => match pair.as_slice() {
                [amount, total] if *amount == self.operation.input => Ok(Some(total)),
                _ => Err(self.impossible("no addition of that amount answers")),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(None),
            Value::String(_) | Value::Object(_) => Ok(None),
        }
    }

    /// The change, if the answer is what the object held after it.
    fn after(&self, answer: &Value, space: &mut Space) -> Result<Action, Unfit> {
        match self.change {
            Action::Add { amount, .. } => Ok(Action::Add { amount, total: Some(total(answer)?) }),
            Action::WriteNext { value, .. } => {
                let version = Some(self.version_of(answer, value, space)?);
                Ok(Action::WriteNext { value, version })
            }
            Action::CasNext { expected, value, .. } => {
                let version = Some(self.version_of(answer, value, space)?);
                Ok(Action::CasNext { expected, value, version })
            }
            Action::Append { suffix, .. } => {
                let result = Some(state(self.model, answer, space)?);
                Ok(Action::Append { suffix, result })
            }
            Action::Write(to) | Action::Cas { to, .. } => {
                if state(self.model, answer, space)? == to {
                    return Ok(self.change);
                }
                Err(self.impossible("no such call leaves"))
            }
            Action::Read(_) | Action::Unlike(_) | Action::UnlikeVersion(_) => Ok(self.change),
        }
    }

    /// The version that a change made: told alone, or together with the value.
    fn version_of(&self, answer: &Value, value: u32, space: &mut Space) -> Result<u32, Unfit> {
        if !answer.is_array() {
            return version(answer);
        }
        let made = state(self.model, answer, space)?;
        if made.low() == value {
            Ok(made.version())
        } else {
            Err(self.impossible("no such call leaves"))
        }
    }

    /// The change, if the answer is what the object held before it.
    fn before(&self, space: &mut Space) -> Result<Action, Unfit> {
        let answer = &self.operation.output;
        let too_large = || self.impossible("nothing can be added to");
        match self.change {
            Action::Add { amount, .. } => {
                let before = if answer.is_null() { 0 } else { total(answer)? };
                let total = before.checked_add(amount).ok_or_else(too_large)?;
                Ok(Action::Add { amount, total: Some(total) })
            }
            Action::WriteNext { value, .. } => {
                let before = self.version_before(space)?;
                let version = Some(before.checked_add(1).ok_or_else(too_large)?);
                Ok(Action::WriteNext { value, version })
            }
            Action::CasNext { expected, .. } => {
                let fits = self.version_before(space)? == expected;
                if fits { Ok(self.change) } else { Err(self.impossible("no such call finds")) }
            }
            Action::Append { suffix, .. } => {
                let before = state(self.model, answer, space)?;
                let result = Some(space.with_suffix(before, suffix));
                Ok(Action::Append { suffix, result })
            }
            Action::Write(to) => Ok(Action::Cas { from: state(self.model, answer, space)?, to }),
            Action::Cas { from, .. } => {
                let fits = state(self.model, answer, space)? == from;
                if fits { Ok(self.change) } else { Err(self.impossible("no such call finds")) }
            }
            Action::Read(_) | Action::Unlike(_) | Action::UnlikeVersion(_) => Ok(self.change),
        }
    }

    fn version_before(&self, space: &mut Space) -> Result<u32, Unfit> {
        let answer = &self.operation.output;
        match answer {
            Value::Null => Ok(0),
            // What value that version had is left to the reads.
            Value::Array(_) => state(self.model, answer, space).map(State::version),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                version(answer)
            }
        }
    }

    fn impossible(&self, what: &str) -> Unfit {
        Unfit::Impossible(format!("{what} {}", excerpt(&self.operation.output)))
    }
}
