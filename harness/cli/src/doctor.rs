//! What this machine can do.
//!
//! | question | file |
//! |---|---|
//! | what is there? | `doctor/facts.rs` |
//! | which environments work then, and what would make more possible? | `doctor/diagnosis.rs` |
//! | how is it told? | `doctor/text.rs` |

mod diagnosis;
mod facts;
mod text;

pub(crate) use diagnosis::{Diagnosis, diagnose};
pub(crate) use facts::{Facts, look};
pub(crate) use text::text;
