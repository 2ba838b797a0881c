//! The harness with real containers: what is seen during a run, and what is left after it.
//!
//! | question | file |
//! |---|---|
//! | does a run in containers end with a verdict, with its faults proved, and without a trace? | `runs.rs` |
//! | what becomes of containers when a run is cut short, and does `heal` know its own? | `cut_short.rs` |
//! | is a run left alone whose harness is in a container itself? | `contained.rs` |
//! | is it told what is missing? | `missing.rs` |
//! | how are a run's containers found? | `site.rs` |
//! | how is the binary called and looked at? | `../black_box/support.rs` |

// What stands here is tests, as the lints count them, only when it says so.
#[cfg(test)]
mod contained;
#[cfg(test)]
mod cut_short;
#[cfg(test)]
mod missing;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod site;
#[cfg(test)]
#[path = "../black_box/support.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod support;
