//! `harness run`
//!
//! | question | file |
//! |---|---|
//! | what is to be run? | `run/scenario.rs` |
//! | how are servers and proposers started, and ended again? | here |
//! | what goes on under load? | `run/under_load.rs` |
//! | what is known of the run beforehand? | `run/metadata.rs` |
//! | what stops it? | `run/signals.rs` |

mod metadata;
mod scenario;
mod signals;
mod under_load;

use super::report::{rerun, show};
use crate::args::RunArgs;
use crate::checking::Limits;
use crate::cluster::Cluster;
use crate::environment::Environment;
use crate::exit::{End, Failure};
use crate::judge::judge;
use crate::making::{Making, MakingError};
use crate::progress::say;
use crate::run_directory::RunDirectory;
use jiff::Timestamp;
use metadata::metadata;
use scenario::scenario;
use signals::Signals;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;
use under_load::under_load;
use workloads::Scenario;

/// The system under test.
const SYSTEM: &str = "gryadka";

pub(super) fn run(args: &RunArgs) -> Result<End, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let scenario = runtime.block_on(scenario(args))?;
    let directory = runtime.block_on(carry_out(&scenario))?;
    say("the load is over: checking the history, then writing the report");
    let limits = Limits::from(&args.limits);
    runtime.spawn(end_on_signal(limits.ended.clone()));
    let rerun = rerun(&directory);
    let (results, report) = judge(&directory, &limits, rerun)?;
    show(&results, &report, args.json)?;
    // What is still on its way to an acceptor has nobody left to tell.
    runtime.shutdown_background();
    Ok(End::Judged(results.verdict))
}

/// Starts everything, lets load and faults go on, and ends everything again.
async fn carry_out(scenario: &Scenario) -> Result<RunDirectory, Failure> {
    let mut signals = Signals::listen()?;
    let began = Timestamp::now();
    let output = Path::new(&scenario.output);
    let directory = RunDirectory::create(output, began, SYSTEM, scenario.workload.name())
        .map_err(Failure::usage)?;
    directory.write(&directory.scenario(), &scenario.to_toml()?)?;
    let making = Making::begin(scenario)?;
    let done = started(scenario, &directory, &making, &mut signals, began).await;
    // Whatever has come of it: nothing that was made stays.
    let undone = making.undo(&directory.history(), done.is_ok()).await;
    done?;
    undone?;
    Ok(directory)
}

/// Starts the servers and the proposers, and has the load go on.
async fn started(
    scenario: &Scenario,
    directory: &RunDirectory,
    making: &Making,
    signals: &mut Signals,
    began: Timestamp,
) -> Result<(), Failure> {
    let environment = making.start(scenario, &directory.logs(), signals.any()).await;
    let environment = environment.map_err(not_begun)?;
    let mut metadata = metadata(scenario, &environment, began);
    let (environment, cluster) = clustered(scenario, environment, making, signals).await?;
    directory.write_json(&directory.metadata(), &metadata)?;
    directory.become_latest()?;
    say(format!(
        "{} nodes, {} threads, seed {}, {} faults planned; {}",
        scenario.nodes,
        scenario.concurrency,
        scenario.seed,
        scenario.schedule.len(),
        directory.path().display()
    ));
    // The load has a clock of its own, which begins when there is everybody whom a client can call.
    let start = Instant::now();
    let load = (environment, cluster);
    let ended = under_load(scenario, load, directory, making, signals, start).await?;
    (metadata.interrupted, metadata.findings) = (ended.interrupted, ended.findings);
    metadata.seconds = start.elapsed().as_secs_f64();
    if let Err(error) = directory.write_json(&directory.metadata(), &metadata) {
        // What was written when the run began says that it was cut short, and that is enough to judge it.
        say(error.to_string());
    }
    Ok(())
}

/// Why a run could not begin: by the user's wish, by what the user asked for, or by a failure.
fn not_begun(error: MakingError) -> Failure {
    match error {
        MakingError::Interrupted => Failure::Interrupted,
        MakingError::Environment(error) if error.is_of_user() => Failure::usage(error),
        MakingError::Environment(_) | MakingError::Journal(_) => error.into(),
    }
}

/// Opens the links and starts the proposers, and waits until all of them are ready. When it is
/// interrupted, that is still waited for, and undone.
async fn clustered(
    scenario: &Scenario,
    mut environment: Environment,
    making: &Making,
    signals: &mut Signals,
) -> Result<(Environment, Cluster), Failure> {
    let (built, interrupted) = {
        let building = Cluster::build(&mut environment, scenario, making.run());
        tokio::pin!(building);
        tokio::select! {
            built = &mut building => (built, false),
            () = signals.any() => {
                say("stopping: ending what was started");
                (building.await, true)
            }
        }
    };
    if !interrupted {
        return Ok((environment, built?));
    }
    if let Ok(cluster) = built {
        cluster.links.close().await?;
    }
    environment.finish().await?;
    Err(Failure::Interrupted)
}

/// A check that is interrupted ends as unknown, and what is known is still reported.
async fn end_on_signal(ended: Arc<AtomicBool>) {
    if let Ok(mut signals) = Signals::listen() {
        signals.any().await;
        say("interrupted: the check ends here");
        ended.store(true, Ordering::Relaxed);
    }
}
