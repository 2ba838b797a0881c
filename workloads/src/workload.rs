//! The workloads by name.

use crate::generator::{Append, CasRegister, Generator, Increment};
use crate::names::named;
use harness_history::Function;

/// A workload: which calls are made, and which model judges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// Reads, writes and compare-and-sets of unique values on several keys, and deletes.
    CasRegister,
    /// Each node reads and compare-and-sets its own key to one more, in a loop.
    Increment,
    /// Blind appends of unique elements to lists, and reads of the lists.
    Append,
}

named!(Workload, "workload", {
    CasRegister => "cas-register",
    Increment => "increment",
    Append => "append",
});

impl Workload {
    /// One line about it, for people.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::CasRegister => {
                "reads, writes, compare-and-sets and deletes of unique values on shared keys and one of each node"
            }
            Self::Increment => "each node reads its own key and compare-and-sets it to one more",
            Self::Append => "blind appends of unique elements to lists, and reads of the lists",
        }
    }

    /// The name of the model that judges its history.
    #[must_use]
    pub const fn model(self) -> &'static str {
        match self {
            Self::CasRegister | Self::Increment => "cas-register",
            Self::Append => "append",
        }
    }

    /// The kinds of calls that it makes: each must succeed at least once for a run to mean anything.
    #[must_use]
    pub const fn functions(self) -> &'static [Function] {
        match self {
            Self::CasRegister => &[Function::Read, Function::Write, Function::Cas],
            Self::Increment => &[Function::Read, Function::Cas],
            Self::Append => &[Function::Append, Function::Read],
        }
    }

    /// Whether clients of different nodes use the same keys.
    #[must_use]
    pub const fn shares_keys(self) -> bool {
        match self {
            Self::CasRegister | Self::Append => true,
            Self::Increment => false,
        }
    }

    /// How a cold key is written first.
    pub(crate) const fn first_write(self) -> Function {
        match self {
            Self::CasRegister => Function::Write,
            Self::Increment => Function::Cas,
            Self::Append => Function::Append,
        }
    }

    /// A fresh generator. `keys` is how many objects all nodes share at a time, beside one of each node, of which there
    /// may be none; `increment` has those alone.
    #[must_use]
    pub fn generator(self, nodes: u32, keys: u32) -> Box<dyn Generator> {
        match self {
            Self::CasRegister => Box::new(CasRegister::new(nodes, keys)),
            Self::Increment => Box::new(Increment::new(nodes)),
            Self::Append => Box::new(Append::new(nodes, keys)),
        }
    }
}
