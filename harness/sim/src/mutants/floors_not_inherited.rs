//! Promise floors are left behind with the acceptors that had them.

use super::{Definition, Flaw, faithful, replacing_while_collecting};

pub(super) const DEFINITION: Definition = Definition {
    name: "floors-not-inherited",
    summary: "the promise floors of the epoch before are not inherited",
    rules: faithful,
    flaw: Some(Flaw::InheritsNoFloors),
    bend: replacing_while_collecting,
};
