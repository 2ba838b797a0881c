//! What an operation's JSON values mean to its model.

use crate::action::{Action, State};
use crate::space::{NULL, Space};
use crate::{FailedCas, ModelError, ModelKind, NilRead, Settings};
use harness_history::{Function, Operation, Outcome};
use serde_json::Value;

/// Longest excerpt of a bad value in an error.
const EXCERPT: usize = 60;

/// What of an operation takes part in the check; nothing if it says nothing.
///
/// # Errors
/// [`ModelError`] if the model does not know the operation, or cannot read a value of it.
pub(crate) fn parse(
    operation: &Operation,
    settings: &Settings,
    space: &mut Space,
) -> Result<Option<Action>, ModelError> {
    let reading = matches!(operation.f, Function::Read | Function::Get);
    let parser = Parser { operation, settings, space };
    parser.known()?;
    match operation.outcome {
        Outcome::Fail if operation.f == Function::Cas => parser.refused(),
        Outcome::Fail => Ok(None),
        // A read that nobody got an answer from says nothing and changes nothing.
        Outcome::Info if reading => Ok(None),
        Outcome::Ok if reading => parser.read(),
        Outcome::Info | Outcome::Ok => parser.change().map(Some),
    }
}

/// The state that every object is in before the first operation.
///
/// # Errors
/// [`ModelError::Initial`].
pub(crate) fn initial(settings: &Settings, space: &mut Space) -> Result<State, ModelError> {
    state(settings.model, &settings.initial, space).map_err(|expected| ModelError::Initial {
        model: settings.model,
        found: excerpt(&settings.initial),
        expected,
    })
}

struct Parser<'o, 's> {
    operation: &'o Operation,
    settings: &'s Settings,
    space: &'s mut Space,
}

impl<'o> Parser<'o, '_> {
    fn known(&self) -> Result<(), ModelError> {
        use Function::{Add, Append, Cas, Get, Put, Read, Write};
        let (functions, known): (&[Function], _) = match self.settings.model {
            ModelKind::Register => (&[Read, Write], "read and write"),
            ModelKind::CasRegister | ModelKind::VersionedCas => {
                (&[Read, Write, Cas], "read, write and cas")
            }
            ModelKind::Counter => (&[Read, Add], "read and add"),
            ModelKind::Append => (&[Read, Append], "read and append"),
            ModelKind::KvAppend => (&[Get, Put, Append], "get, put and append"),
        };
        if functions.contains(&self.operation.f) {
            return Ok(());
        }
        Err(ModelError::Function {
            event: self.operation.invoked.position,
            f: self.operation.f,
            model: self.settings.model,
            known,
        })
    }

    fn read(self) -> Result<Option<Action>, ModelError> {
        if self.operation.output.is_null() && self.settings.nil_read == NilRead::Any {
            return Ok(None);
        }
        let seen = state(self.settings.model, &self.operation.output, self.space);
        seen.map(|seen| Some(Action::Read(seen))).map_err(|expected| self.bad_output(expected))
    }

    /// A refused CAS that reports what it saw is a read; else it says at most what it did not see.
    fn refused(self) -> Result<Option<Action>, ModelError> {
        if let Some(observed) = self.operation.output.get("observed") {
            let seen = state(self.settings.model, observed, self.space);
            return match seen {
                Ok(seen) => Ok(Some(Action::Read(seen))),
                Err(expected) => Err(self.bad_output(expected)),
            };
        }
        match (self.settings.failed_cas, self.settings.model) {
            (FailedCas::Drop, _) => Ok(None),
            (FailedCas::Mismatch, ModelKind::VersionedCas) => {
                self.versioned_pair().map(|(expected, _)| Some(Action::UnlikeVersion(expected)))
            }
            (FailedCas::Mismatch, _) => {
                let (from, _) = self.pair()?;
                Ok(Some(Action::Unlike(State::value(self.space.number(from)))))
            }
        }
    }

    fn change(self) -> Result<Action, ModelError> {
        match (self.settings.model, self.operation.f) {
            (ModelKind::VersionedCas, Function::Cas) => {
                let (expected, value) = self.versioned_pair()?;
                let value = self.space.number(value);
                Ok(Action::CasNext { expected, value, version: self.told_version()? })
            }
            (ModelKind::VersionedCas, _) => {
                let value = self.space.number(&self.operation.input);
                Ok(Action::WriteNext { value, version: self.told_version()? })
            }
            (_, Function::Cas) => {
                let (from, to) = self.pair()?;
                let from = State::value(self.space.number(from));
                Ok(Action::Cas { from, to: State::value(self.space.number(to)) })
            }
            (_, Function::Add) => self.add(),
            (ModelKind::Append, Function::Append) => self.append(),
            (_, Function::Append) => {
                let symbols = self.text()?.chars().map(u32::from).collect();
                Ok(Action::Append { suffix: self.space.suffix(symbols), result: None })
            }
            (_, Function::Put) => {
                let text = self.text()?;
                Ok(Action::Write(self.space.text(text)))
            }
            (_, Function::Write | Function::Read | Function::Get) => {
                Ok(Action::Write(State::value(self.space.number(&self.operation.input))))
            }
        }
    }

    fn add(&self) -> Result<Action, ModelError> {
        let amount = self.operation.input.as_i64();
        let amount = amount.ok_or_else(|| self.bad_input("the amount is a whole number"))?;
        let told = self.answer();
        let total = told.as_i64();
        if total.is_none() && !told.is_null() {
            return Err(self.bad_output("the answer is null or the new total, a whole number"));
        }
        Ok(Action::Add { amount, total })
    }

    fn append(self) -> Result<Action, ModelError> {
        let symbol = self.space.number(&self.operation.input);
        let told = self.answer();
        let result = told.as_array().map(|items| self.space.list(items));
        if result.is_none() && !told.is_null() && *told != self.operation.input {
            return Err(self.bad_output("the answer is null or the whole list"));
        }
        Ok(Action::Append { suffix: self.space.suffix(vec![symbol]), result })
    }

    /// The answer of a call that certainly happened; null for any other.
    fn answer(&self) -> &'o Value {
        match self.operation.outcome {
            Outcome::Ok => &self.operation.output,
            Outcome::Fail | Outcome::Info => &Value::Null,
        }
    }

    fn told_version(&self) -> Result<Option<u32>, ModelError> {
        let told = self.answer();
        // Jepsen's clients repeat the argument of a CAS when it has succeeded.
        let echo = self.operation.f == Function::Cas && *told == self.operation.input;
        if told.is_null() || echo {
            return Ok(None);
        }
        let right = "the answer is null or the new version, a whole number below 2^32";
        version(told).map(Some).ok_or_else(|| self.bad_output(right))
    }

    fn pair(&self) -> Result<(&'o Value, &'o Value), ModelError> {
        let pair = self.operation.input.as_array();
        match pair.map(Vec::as_slice) {
            Some([from, to]) => Ok((from, to)),
            _ => Err(self.bad_input("the argument of cas is [from, to]")),
        }
    }

    fn versioned_pair(&self) -> Result<(u32, &'o Value), ModelError> {
        let right = "the argument of cas is [expected version, value]; version 0 is an absent key";
        let pair = self.operation.input.as_array();
        match pair.map(Vec::as_slice) {
            Some([expected, to]) => {
                Ok((version(expected).ok_or_else(|| self.bad_input(right))?, to))
            }
            _ => Err(self.bad_input(right)),
        }
    }

    fn text(&self) -> Result<&'o str, ModelError> {
        let text = self.operation.input.as_str();
        text.ok_or_else(|| self.bad_input("the argument is a string"))
    }

    fn bad_input(&self, expected: &'static str) -> ModelError {
        ModelError::Value {
            event: self.operation.invoked.position,
            f: self.operation.f,
            found: excerpt(&self.operation.input),
            expected,
        }
    }

    fn bad_output(&self, expected: &'static str) -> ModelError {
        let event = self.operation.completed.unwrap_or(self.operation.invoked).position;
        let found = excerpt(&self.operation.output);
        ModelError::Value { event, f: self.operation.f, found, expected }
    }
}

/// The state that a value describes, or what would describe one.
fn state(model: ModelKind, value: &Value, space: &mut Space) -> Result<State, &'static str> {
    match model {
        ModelKind::Register | ModelKind::CasRegister => Ok(State::value(space.number(value))),
        ModelKind::VersionedCas => {
            let right = "an object is null or [version, value], the version below 2^32";
            match value {
                Value::Null => Ok(State::versioned(0, NULL)),
                Value::Array(pair) => match pair.as_slice() {
                    [number, value] => {
                        let version = version(number).ok_or(right)?;
                        Ok(State::versioned(version, space.number(value)))
                    }
                    _ => Err(right),
                },
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                    Err(right)
                }
            }
        }
        ModelKind::Counter if value.is_null() => Ok(State::total(0)),
        ModelKind::Counter => value
            .as_i64()
            .map(State::total)
            .ok_or("a counter holds a whole number that fits 64 bits with a sign"),
        ModelKind::Append if value.is_null() => Ok(space.list(&[])),
        ModelKind::Append => match value.as_array() {
            Some(items) => Ok(space.list(items)),
            None => Err("a list is null or an array"),
        },
        ModelKind::KvAppend if value.is_null() => Ok(space.text("")),
        ModelKind::KvAppend => match value.as_str() {
            Some(text) => Ok(space.text(text)),
            None => Err("a content is null or a string"),
        },
    }
}

fn version(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|version| u32::try_from(version).ok())
}

fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(EXCERPT) {
        Some((cut, _)) => format!("{} …", &text[..cut]),
        None => text,
    }
}
