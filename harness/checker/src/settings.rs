//! What a history is judged by.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// The sequential object that the operations follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// `read` and `write` of one value.
    Register,
    /// A register with compare-and-set on the value: `cas [from, to]`.
    CasRegister,
    /// A register that counts its changes: null, or `[version, value]`; `cas [version, value]`.
    VersionedCas,
    /// A number: `add` and `read`.
    Counter,
    /// A list: `append` of one element, `read` of the whole.
    Append,
    /// A string: `get`, `put`, and `append` of a suffix.
    KvAppend,
}

impl ModelKind {
    /// Every model, in the order of their documentation.
    pub const ALL: [Self; 6] = [
        Self::Register,
        Self::CasRegister,
        Self::VersionedCas,
        Self::Counter,
        Self::Append,
        Self::KvAppend,
    ];

    /// The name, as headers of histories spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::CasRegister => "cas-register",
            Self::VersionedCas => "versioned-cas",
            Self::Counter => "counter",
            Self::Append => "append",
            Self::KvAppend => "kv-append",
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A model was asked for that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no model `{name}`; the models are register, cas-register, versioned-cas, counter, append, kv-append"
)]
pub struct UnknownModel {
    /// The name that was asked for.
    pub name: String,
}

impl FromStr for ModelKind {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        let found = Self::ALL.into_iter().find(|model| model.name() == name);
        found.ok_or_else(|| UnknownModel { name: name.to_owned() })
    }
}

/// What a read of nothing says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NilRead {
    /// The object is unset.
    #[default]
    Null,
    /// Nothing: such a read is passed over. Knossos' histories mean it so.
    Any,
}

/// What a compare-and-set says that certainly did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailedCas {
    /// Nothing: it is passed over, as Jepsen means it.
    #[default]
    Drop,
    /// The object did not match at some instant of the call, as porcupine's etcd model means it.
    Mismatch,
}

/// What the answer of a change says that certainly happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// What its form shows; where it is the argument again, nothing.
    #[default]
    Auto,
    /// Nothing: it is null, or the argument again.
    Echo,
    /// What the object held after the change: the value, the total, the version, the whole list.
    After,
    /// What the object held before the change.
    Before,
}

/// What a history is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The sequential object.
    pub model: ModelKind,
    /// What every object holds before the first operation; null is unset, 0, or empty.
    #[serde(default)]
    pub initial: Value,
    /// What a read of nothing says.
    #[serde(default)]
    pub nil_read: NilRead,
    /// What a refused compare-and-set says. One that reports what it saw is a read in either case.
    #[serde(default)]
    pub failed_cas: FailedCas,
    /// What the answer of a change says.
    #[serde(default)]
    pub answers: Answers,
}

impl Settings {
    /// The usual reading: a read of null is a read of the unset object, a refused CAS says nothing.
    #[must_use]
    pub fn new(model: ModelKind, initial: Value) -> Self {
        Self {
            model,
            initial,
            nil_read: NilRead::Null,
            failed_cas: FailedCas::Drop,
            answers: Answers::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_as_its_model() {
        for model in ModelKind::ALL {
            assert_eq!(model.name().parse(), Ok(model));
            assert_eq!(serde_json::to_value(model).unwrap(), model.name());
        }
    }

    #[test]
    fn an_unknown_model_is_answered_with_those_that_exist() {
        insta::assert_snapshot!("queue".parse::<ModelKind>().unwrap_err(), @"there is no model `queue`; the models are register, cas-register, versioned-cas, counter, append, kv-append");
    }
}
