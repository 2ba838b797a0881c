//! What an operation's JSON values mean to its model.
//!
//! What a client *asked* has to make sense, or the check stops with a [`ModelError`]. What the
//! system *answered* is judged: an answer that no object of the model can give, however the answer
//! is read, is a violation.

use crate::action::{Action, State};
use crate::space::{NULL, Space};
use crate::told::told;
use crate::{FailedCas, ModelError, ModelKind, NilRead, Settings};
use harness_history::{Function, Operation, Outcome};
use serde_json::Value;

/// Longest excerpt of a bad value in an error.
const EXCERPT: usize = 60;

/// What an operation says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// Nothing that a check could use.
    Nothing,
    Action(Action),
    /// A change whose answer repeats its argument, but could as well be the result.
    Doubtful {
        echo: Action,
        result: Action,
    },
    /// A change whose answer is the result, as its form shows, where it could have been the
    /// argument again.
    Result(Action),
    /// Something that cannot be, and why: `no list is 5`.
    Impossible(String),
}

/// Why an answer is no action.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// No object of the model answers that, and why: `no list is 5`.
    Impossible(String),
    /// It cannot be told what it means; what would be right.
    Unclear(&'static str),
}

/// What of an operation takes part in the check.
///
/// # Errors
/// [`ModelError`] if the model does not know the operation, or cannot read a value of it.
pub(crate) fn parse(
    operation: &Operation,
    settings: &Settings,
    space: &mut Space,
) -> Result<Parsed, ModelError> {
    let reading = matches!(operation.f, Function::Read | Function::Get);
    let mut parser = Parser { operation, settings, space };
    parser.known()?;
    let parsed = match operation.outcome {
        Outcome::Fail if operation.f == Function::Cas => parser.refused()?,
        Outcome::Fail => Ok(Parsed::Nothing),
        // A read that nobody got an answer from says nothing and changes nothing.
        Outcome::Info if reading => Ok(Parsed::Nothing),
        Outcome::Ok if reading => parser.read(),
        Outcome::Info => Ok(Parsed::Action(parser.change()?)),
        Outcome::Ok => {
            let change = parser.change()?;
            told(operation, settings, change, parser.space)
        }
    };
    match parsed {
        Ok(parsed) => Ok(parsed),
        Err(Unfit::Impossible(why)) => Ok(Parsed::Impossible(why)),
        Err(Unfit::Unclear(expected)) => Err(parser.bad_output(expected)),
    }
}

/// The state that every object is in before the first operation.
///
/// # Errors
/// [`ModelError::Initial`].
pub(crate) fn initial(settings: &Settings, space: &mut Space) -> Result<State, ModelError> {
    state(settings.model, &settings.initial, space).map_err(|_| ModelError::Initial {
        model: settings.model,
        found: excerpt(&settings.initial),
        expected: states(settings.model),
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

    fn read(&mut self) -> Result<Parsed, Unfit> {
        if self.operation.output.is_null() && self.settings.nil_read == NilRead::Any {
            return Ok(Parsed::Nothing);
        }
        let seen = state(self.settings.model, &self.operation.output, self.space)?;
        Ok(Parsed::Action(Action::Read(seen)))
    }

    /// A refused CAS that reports what it saw is a read; else it says at most what it did not see.
    fn refused(&mut self) -> Result<Result<Parsed, Unfit>, ModelError> {
        let versioned = self.settings.model == ModelKind::VersionedCas;
        let unlike = if versioned {
            Action::UnlikeVersion(self.versioned_pair()?.0)
        } else {
            let (from, _) = self.pair()?;
            Action::Unlike(State::value(self.space.number(from)))
        };
        let Some(observed) = self.operation.output.get("observed") else {
            return Ok(Ok(match self.settings.failed_cas {
                FailedCas::Drop => Parsed::Nothing,
                FailedCas::Mismatch => Parsed::Action(unlike),
            }));
        };
        // A store that compared versions may refuse a value that has come back meanwhile.
        let by_value = self.operation.output.get("compared").is_none_or(|by| by != "version");
        Ok(state(self.settings.model, observed, self.space).map(|seen| {
            if by_value && unlike.step(seen, self.space).is_none() {
                return Parsed::Impossible(String::from(
                    "no compare-and-set is refused where it finds what it expects",
                ));
            }
            Parsed::Action(Action::Read(seen))
        }))
    }

    /// The change that was asked for, whatever it was told.
    fn change(&mut self) -> Result<Action, ModelError> {
        match (self.settings.model, self.operation.f) {
            (ModelKind::VersionedCas, Function::Cas) => {
                let (expected, value) = self.versioned_pair()?;
                let value = self.space.number(value);
                Ok(Action::CasNext { expected, value, version: None })
            }
            (ModelKind::VersionedCas, _) => {
                let value = self.space.number(&self.operation.input);
                Ok(Action::WriteNext { value, version: None })
            }
            (_, Function::Cas) => {
                let (from, to) = self.pair()?;
                let from = State::value(self.space.number(from));
                Ok(Action::Cas { from, to: State::value(self.space.number(to)) })
            }
            (_, Function::Add) => {
                let amount = self.operation.input.as_i64();
                let amount =
                    amount.ok_or_else(|| self.bad_input("the amount is a whole number"))?;
                Ok(Action::Add { amount, total: None })
            }
            (ModelKind::Append, Function::Append) => {
                let symbol = self.space.number(&self.operation.input);
                Ok(Action::Append { suffix: self.space.suffix(vec![symbol]), result: None })
            }
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
            Some([expected, to]) => Ok((version(expected).map_err(|_| self.bad_input(right))?, to)),
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

/// The state that a value describes.
pub(crate) fn state(model: ModelKind, value: &Value, space: &mut Space) -> Result<State, Unfit> {
    let none = |what: &str| Err(Unfit::Impossible(format!("no {what} is {}", excerpt(value))));
    match (model, value) {
        (ModelKind::Register | ModelKind::CasRegister, _) => Ok(State::value(space.number(value))),
        (ModelKind::VersionedCas, Value::Null) => Ok(State::versioned(0, NULL)),
        (ModelKind::VersionedCas, Value::Array(pair)) => match pair.as_slice() {
            [number, value] => Ok(State::versioned(version(number)?, space.number(value))),
            _ => none("versioned value"),
        },
        (ModelKind::VersionedCas, _) => none("versioned value"),
        (ModelKind::Counter, Value::Null) => Ok(State::total(0)),
        (ModelKind::Counter, _) => total(value).map(State::total),
        (ModelKind::Append, Value::Null) => Ok(space.list(&[])),
        (ModelKind::Append, Value::Array(items)) => Ok(space.list(items)),
        (ModelKind::Append, _) => none("list"),
        (ModelKind::KvAppend, Value::Null) => Ok(space.text("")),
        (ModelKind::KvAppend, Value::String(text)) => Ok(space.text(text)),
        (ModelKind::KvAppend, _) => none("string"),
    }
}

/// What the states of a model are.
fn states(model: ModelKind) -> &'static str {
    match model {
        ModelKind::Register | ModelKind::CasRegister => "a register holds any value",
        ModelKind::VersionedCas => "an object is null or [version, value], the version below 2^32",
        ModelKind::Counter => "a counter holds a whole number that fits 64 bits with a sign",
        ModelKind::Append => "a list is null or an array",
        ModelKind::KvAppend => "a content is null or a string",
    }
}

pub(crate) fn total(value: &Value) -> Result<i64, Unfit> {
    match value.as_i64() {
        Some(total) => Ok(total),
        // It may be right, but cannot be counted with.
        None if value.is_u64() => Err(Unfit::Unclear(states(ModelKind::Counter))),
        None => Err(Unfit::Impossible(format!("no total is {}", excerpt(value)))),
    }
}

pub(crate) fn version(value: &Value) -> Result<u32, Unfit> {
    match value.as_u64() {
        Some(version) => {
            u32::try_from(version).map_err(|_| Unfit::Unclear(states(ModelKind::VersionedCas)))
        }
        None => Err(Unfit::Impossible(format!("no version is {}", excerpt(value)))),
    }
}

pub(crate) fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(EXCERPT) {
        Some((cut, _)) => format!("{} …", &text[..cut]),
        None => text,
    }
}
