//! Undoes what killed runs have left on the machine.
//!
//! | question | file |
//! |---|---|
//! | what is left, whose is it, and what is to be done about it? | `heal/plan.rs` |
//! | how is it done? | `heal/steps.rs` |

mod plan;
mod steps;

pub(crate) use plan::{Plan, Spared, Step, plan};
pub(crate) use steps::take;
