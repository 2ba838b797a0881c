//! The harness as a user meets it: the real binary, real servers, and what is left on disk.
//!
//! | question | file |
//! |---|---|
//! | does a run end with a verdict, and with everything in its directory? | `runs.rs` |
//! | what becomes of servers and history when a run is cut short? | `cut_short.rs` |
//! | do acceptors join and leave while the load goes on? | `membership.rs` |
//! | is bad input refused before anything is started? | `refused.rs` |
//! | does `check` agree with histories whose answer is known? | `checks.rs` |
//! | is a store that loses a write found out? | `mutants.rs` |
//! | do the small commands behave as commands do? | `commands.rs` |
//! | is the proxy there while it is wanted? | `proxy.rs` |
//! | how is the binary called and looked at? | `support.rs` |

// What stands here is tests, as the lints count them, only when it says so.
#[cfg(test)]
mod checks;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod cut_short;
#[cfg(test)]
mod membership;
#[cfg(test)]
mod mutants;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod runs;
mod simulations;
#[cfg(test)]
mod support;
