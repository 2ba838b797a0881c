//! `harness`: from one command to a verdict and a report. See `args.rs` for what can be asked.
//!
//! | question | file |
//! |---|---|
//! | what can a user type? | `args.rs` |
//! | what does each command do? | `command/` |
//! | which exit code says what? | `exit.rs` |
//! | where can a run take place, and what can be done to it there? | `environment.rs`, `environment/` |
//! | how are nodes put together from acceptors, links and proposers? | `cluster.rs` |
//! | which links are there, and what is done to them? | `links.rs` |
//! | how does a workload's call become a call of the store? | `gryadka_client.rs` |
//! | … or a request to a service? | `service_client.rs`; which of the two? `clients.rs` |
//! | who makes the calls, and who writes them down? | `load.rs`, `recorder.rs` |
//! | who injects faults, and how are they verified? | `nemesis.rs`, `probe.rs` |
//! | how are histories of any origin read? | `histories.rs` |
//! | how does a recorded run become a verdict? | `judge.rs`, `conditions.rs`, `checking.rs` |
//! | what lies in a run directory? | `run_directory.rs` |
//! | how are thousands of seeds run, and what did they cover? | `campaign.rs` |
//! | what is kept of a simulated run that failed? | `simulated_run.rs`, `lanes.rs` |
//! | what has a run made on this machine, and who undoes it when the harness is killed? | `journal.rs`, `making.rs`, `heal.rs` |
//! | what can this machine do? | `doctor.rs` |
//! | how is much work of one kind shared among threads? | `parallel.rs` |
//! | what does the user see meanwhile? | `progress.rs` |
//! | which rules can be broken on purpose? | `mutants.rs` |

mod args;
mod campaign;
mod checking;
mod clients;
mod cluster;
mod command;
mod conditions;
mod doctor;
mod environment;
mod exit;
mod gryadka_client;
mod heal;
mod histories;
mod journal;
mod judge;
mod lanes;
mod links;
mod load;
mod making;
mod mutants;
mod nemesis;
mod parallel;
mod probe;
mod progress;
mod recorder;
mod run_directory;
mod service_client;
mod simulated_run;

use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Diagnostics only, off unless asked for: HARNESS_LOG=gryadka=debug.
    let filter = EnvFilter::from_env("HARNESS_LOG");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    exit::code(args::parse().and_then(command::dispatch))
}
