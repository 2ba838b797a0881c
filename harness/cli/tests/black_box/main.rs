//! The harness as a user meets it: the real binary, real servers, and what is left on disk.
//!
//! | question | file |
//! |---|---|
//! | does a run end with a verdict, and with everything in its directory? | `runs.rs` |
//! | what becomes of servers and history when a run is cut short? | `cut_short.rs` |
//! | what becomes of a run whose servers do what no fault asked for? | `findings.rs` |
//! | what befalls a run, and is it seen? | `faults.rs` |
//! | do acceptors join and leave while the load goes on? | `membership.rs` |
//! | what becomes of a run whose servers forget, fill up, or serve as proposers? | `servers.rs` |
//! | is bad input refused before anything is started? | `refused.rs` |
//! | does `check` agree with histories whose answer is known? | `checks.rs` |
//! | are histories of any format read, or refused with the reason? | `histories.rs` |
//! | is every answer of a system judged? | `answers.rs` |
//! | is a store that loses a write found out? | `mutants.rs` |
//! | do the small commands behave as commands do? | `commands.rs` |
//! | is the proxy there while it is wanted? | `proxy.rs` |
//! | what becomes of a Toxiproxy and of a cluster that others use too? | `toxiproxy.rs` |
//! | how is the binary called and looked at? | `support.rs` |

// What stands here is tests, as the lints count them, only when it says so.
#[cfg(test)]
mod answers;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod cut_short;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod findings;
#[cfg(test)]
mod histories;
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
#[cfg(test)]
mod servers;
mod simulations;
#[cfg(test)]
mod support;
#[cfg(test)]
mod toxiproxy;
