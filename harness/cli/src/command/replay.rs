//! `harness replay`

use super::print;
use super::sim::traced;
use crate::args::ReplayArgs;
use crate::exit::{End, Failure};
use crate::run_directory::RunDirectory;
use crate::simulated_run::{SimulatedRunError, repeat};
use harness_sim::{judge, verdict};

pub(super) fn replay(args: &ReplayArgs) -> Result<End, Failure> {
    let directory = RunDirectory::open(&args.run);
    let repeated = repeat(&directory).map_err(|error| match error {
        SimulatedRunError::Unreadable { .. } | SimulatedRunError::History(_) => {
            Failure::usage(error)
        }
        SimulatedRunError::Directory(_) | SimulatedRunError::Report(_) => {
            Failure::Internal(error.into())
        }
    })?;
    if args.trace {
        print(&traced(&repeated.case.trace))?;
    }
    if !repeated.differing.is_empty() {
        return Err(anyhow::anyhow!(
            "{} came out otherwise than in {}: another version of the harness made it, or a bug",
            repeated.differing.join(", "),
            directory.path().display()
        )
        .into());
    }
    let answer = verdict(&judge(&repeated.run)?);
    let (operations, messages) = (repeated.run.counts.operations, repeated.run.counts.messages);
    print(&format!(
        "{}: seed {} of {} repeated exactly: {operations} operations, {messages} messages, every line the same\n",
        answer.name().to_uppercase(),
        repeated.run.seed,
        repeated.scenario
    ))?;
    Ok(End::Judged(answer))
}
