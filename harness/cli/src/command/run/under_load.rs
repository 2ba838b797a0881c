//! The load with its faults, from its first call to its last.

use super::signals::Signals;
use crate::clients::clients;
use crate::cluster::Cluster;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::load;
use crate::making::Making;
use crate::nemesis::{Nemesis, NemesisError};
use crate::progress::{self, say};
use crate::recorder::Recorder;
use crate::run_directory::RunDirectory;
use gryadka::Gryadka;
use harness_history::{Header, Value};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use workloads::Scenario;

/// How the load ended.
pub(super) struct Ended {
    pub(super) interrupted: bool,
    /// What went wrong with servers or links beside the planned faults.
    pub(super) findings: Vec<String>,
}

/// The load with its faults, from its first call to its last. What servers and links do is judged with
/// the history; an error is only what keeps the harness from doing its own part.
pub(super) async fn under_load(
    scenario: &Scenario,
    (environment, cluster): (Environment, Cluster),
    directory: &RunDirectory,
    making: &Making,
    signals: &mut Signals,
    start: Instant,
) -> Result<Ended, Failure> {
    let nodes = (1..=scenario.nodes).map(|node| format!("n{node}")).collect();
    let model = scenario.workload.model();
    let header = Header::new(model, Value::Null, nodes, scenario.concurrency.into());
    let recorder = Arc::new(Recorder::create(&directory.history(), &header, start)?);
    making.keys(&directory.history())?;
    let collector = collector(scenario, &cluster.stores);
    let clients = clients(&environment, cluster.stores, scenario.deadline.duration());
    let links = Arc::clone(&cluster.links);
    let (mut nemesis, news) =
        Nemesis::new(environment, cluster.links, scenario, &directory.faults(), start)?;

    let (stop, mut stopped) = watch::channel(false);
    let stop = Arc::new(stop);
    let mut threads = load::start(scenario, &clients, &recorder, &stopped, &news, start);
    let time = scenario.time.duration();
    let progress = tokio::spawn(progress::show(Arc::clone(&recorder), news, start, time));
    let nemesis = tokio::spawn({
        let (stop, stopped) = (Arc::clone(&stop), stopped.clone());
        let schedule = scenario.schedule.clone();
        async move {
            let played = nemesis.play(&schedule, stopped).await;
            if played.is_err() {
                // Nobody knows what state the environment is in: nothing more is to be asked of it.
                stop.send_replace(true);
            }
            (nemesis, played)
        }
    });

    let interrupted = tokio::select! {
        () = tokio::time::sleep_until(start + time) => false,
        () = signals.any() => true,
        _ = stopped.wait_for(|stop| *stop) => true,
        // A thread ends by itself only when the history can no longer be written, or by a panic.
        Some(ended) = threads.join_next() => {
            ended?;
            true
        }
    };
    stop.send_replace(true);
    collector.iter().for_each(AbortHandle::abort);
    progress.abort();
    drop(progress.await);
    if interrupted {
        say("stopping: healing, then checking what there is");
    }
    while let Some(thread) = threads.join_next().await {
        thread?;
    }
    let (nemesis, played) = nemesis.await?;
    // Only now that nobody calls any more may the links and the servers end.
    let closed = links.close().await.map_err(NemesisError::from);
    let finished = nemesis.finish().await;
    let mut findings = Vec::new();
    for result in [played, closed, finished] {
        findings.extend(finding(result)?);
    }
    // A disk that is full ends the load: what is recorded by then is judged.
    if let Some(Err(error)) = Arc::into_inner(recorder).map(Recorder::finish) {
        findings.push(error.to_string());
    }
    findings.iter().for_each(say);
    Ok(Ended { interrupted, findings })
}

/// What an error says of the system under test or its surroundings.
///
/// # Errors
/// One that concerns the harness alone.
fn finding(result: Result<(), NemesisError>) -> Result<Option<String>, NemesisError> {
    match result {
        Ok(()) => Ok(None),
        Err(
            error
            @ (NemesisError::Environment(_) | NemesisError::Link(_) | NemesisError::Io { .. }),
        ) => {
            // What it says of itself may be long: the first line says what, the last one why.
            let said = error.to_string();
            let mut lines = said.lines();
            let first = lines.next().unwrap_or_default();
            let why =
                lines.next_back().map_or_else(String::new, |last| format!("; {}", last.trim()));
            Ok(Some(format!("{first}{why}")))
        }
        Err(error @ NemesisError::Died(_)) => Err(error),
    }
}

/// Collects tombstones from the first node, as often as the scenario has it.
fn collector(scenario: &Scenario, stores: &[Gryadka]) -> Option<AbortHandle> {
    let pause = scenario.collect.duration();
    let store = stores.first().filter(|_| !pause.is_zero())?.clone();
    Some(tokio::spawn(async move { store.keep_collecting(pause).await }).abort_handle())
}
