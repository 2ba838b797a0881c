//! A process that starts with an old list makes a second, empty cluster of retired servers.

use super::{Definition, Flaw, faithful, founding_again};

pub(super) const DEFINITION: Definition = Definition {
    name: "retired-founders",
    summary: "a process that starts with --init passes over what retired servers remember",
    rules: faithful,
    flaw: Some(Flaw::ForgetsRetired),
    bend: founding_again,
};
