//! A listing goes on with a cursor of an earlier server process, which skips keys.

use super::{Definition, Flaw, faithful, replacing_while_restarting};

pub(super) const DEFINITION: Definition = Definition {
    name: "stale-cursor",
    summary: "a listing goes on with its cursor after the server has restarted",
    rules: faithful,
    flaw: Some(Flaw::KeepsCursors),
    bend: replacing_while_restarting,
};
