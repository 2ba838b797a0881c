//! `harness run`

use super::report::{rerun, show};
use crate::args::RunArgs;
use crate::checking::Limits;
use crate::clients::clients;
use crate::cluster::Cluster;
use crate::environment::{self, Environment};
use crate::exit::{End, Failure};
use crate::judge::judge;
use crate::links;
use crate::load;
use crate::making::{Making, MakingError};
use crate::mutants;
use crate::nemesis::{Nemesis, NemesisError};
use crate::progress::{self, say};
use crate::recorder::Recorder;
use crate::run_directory::RunDirectory;
use gryadka::Gryadka;
use harness_history::{Header, Value};
use jiff::Timestamp;
use reports::Metadata;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use workloads::{BUILT_IN, Draft, EnvironmentKind, FaultKind, Scenario, UnknownName, Workload};

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

/// The whole scenario, before anything is started or written. Nothing is pulled or built for one that is
/// wrong.
async fn scenario(args: &RunArgs) -> Result<Scenario, Failure> {
    let (base, source) = base(&args.what)?;
    let source = source.as_ref().map(|(file, text)| (file.as_str(), text.as_str()));
    let mut flags = args.scenario.draft()?;
    // A schedule stays as it was written, unless other faults are asked for.
    let base = if flags.changes_schedule() { Draft { schedule: None, ..base } } else { base };
    let base = without_images(base, flags.environment);
    let seed = u64::from(rand::random::<u32>());
    let wanted = args.scenario.wanted(&base, flags.clone().over(base.clone()).needs());
    let right = settle(&flags, &base, (wanted.guess(), wanted.conceivable()), seed, source)?;
    RunDirectory::can_be_made(Path::new(&right.output)).map_err(Failure::usage)?;

    let chosen = environment::choose(&wanted).await.map_err(Failure::usage)?;
    chosen.why.iter().for_each(say);
    flags.acceptors = chosen.acceptors;
    flags.toxiproxy_image = chosen.toxiproxy_image.or(flags.toxiproxy_image);
    let toxiproxy = flags.toxiproxy.as_deref().or(base.toxiproxy.as_deref());
    let able = links::able(chosen.able, toxiproxy).await.map_err(Failure::usage)?;
    let scenario = settle(&flags, &base, (chosen.kind, &able), seed, source)?;
    few_calls(&scenario).iter().for_each(say);
    Ok(scenario)
}

/// A node that calls fewer times in the quiet part may not be seen to make progress.
const FEW: f64 = 5.0;

/// A warning where the rate is so low that a run will hardly be conclusive.
fn few_calls(scenario: &Scenario) -> Option<String> {
    let quiet = scenario.quiet.duration().as_secs_f64();
    let (rate, nodes) = (scenario.rate, f64::from(scenario.nodes));
    let each = rate * quiet / nodes;
    (rate > 0.0 && each < FEW).then(|| {
        format!(
            "rate: {rate} calls a second are {each:.1} of each node in the quiet part of {}, too few to see progress for certain: a run may end as inconclusive; from --rate {:.0} on they are enough",
            scenario.quiet,
            (FEW * nodes / quiet).ceil()
        )
    })
}

/// The images of a file mean nothing in an environment without containers that a flag puts it in.
fn without_images(base: Draft, flag: Option<EnvironmentKind>) -> Draft {
    match flag {
        None | Some(EnvironmentKind::Auto | EnvironmentKind::Docker) => base,
        Some(_) => Draft { image: None, toxiproxy_image: None, ..base },
    }
}

/// The scenario of the flags over the base, where the environment can do so much.
fn settle(
    flags: &Draft,
    base: &Draft,
    (environment, able): (EnvironmentKind, &[FaultKind]),
    seed: u64,
    source: Option<(&str, &str)>,
) -> Result<Scenario, Failure> {
    let scenario = flags.clone().over(base.clone()).settle(environment, able, seed, source);
    let scenario = scenario.map_err(|error| {
        // What the file alone would get away with is the fault of a flag.
        let by_flag = base.clone().settle(environment, able, seed, source).is_ok();
        if by_flag { Failure::usage(error.reason) } else { Failure::usage(error) }
    })?;
    mutants::refuse_out_of_reach(&scenario).map_err(Failure::usage)?;
    Ok(scenario)
}

/// A file's name and text.
type Source = Option<(String, String)>;

/// What `what` stands for: a workload, a scenario that comes along, a file, or a run.
fn base(what: &str) -> Result<(Draft, Source), Failure> {
    if let Ok(workload) = what.parse::<Workload>() {
        return Ok((Draft { workload: Some(workload), ..Draft::default() }, None));
    }
    let path = Path::new(what);
    // A run directory stands for its scenario.
    let file = if path.is_dir() { path.join("scenario.toml") } else { path.to_owned() };
    let (name, text) = match BUILT_IN.iter().find(|(name, ..)| *name == what) {
        Some((name, _, text)) => ((*name).to_owned(), (*text).to_owned()),
        None if file.is_file() => {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file)
                .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
            (name, text)
        }
        None if path.is_dir() => {
            return Err(Failure::usage(format!(
                "{what} is no run directory: it has no scenario.toml; say which one, such as runs/latest"
            )));
        }
        None => return Err(unknown(what)),
    };
    let draft = Draft::parse(&text, &name).map_err(Failure::usage)?;
    Ok((draft, Some((name, text))))
}

fn unknown(what: &str) -> Failure {
    let workloads = Workload::ALL.iter().map(|workload| workload.name());
    let allowed = workloads.chain(BUILT_IN.iter().map(|(name, ..)| *name)).collect();
    let unknown =
        UnknownName { kind: "workload, scenario or file", name: what.to_owned(), allowed };
    Failure::usage(format!("{unknown}, or the path of a scenario file"))
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

/// How the load ended.
struct Ended {
    interrupted: bool,
    /// What went wrong with servers or links beside the planned faults.
    findings: Vec<String>,
}

/// The load with its faults, from its first call to its last. What servers and links do is judged with
/// the history; an error is only what keeps the harness from doing its own part.
async fn under_load(
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

/// A check that is interrupted ends as unknown, and what is known is still reported.
async fn end_on_signal(ended: Arc<AtomicBool>) {
    if let Ok(mut signals) = Signals::listen() {
        signals.any().await;
        say("interrupted: the check ends here");
        ended.store(true, Ordering::Relaxed);
    }
}

/// What asks the harness to stop.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for Ctrl-C, or for a request to terminate.
    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What is known when the run begins: it counts as interrupted until it has ended.
fn metadata(scenario: &Scenario, environment: &Environment, began: Timestamp) -> Metadata {
    let mut versions =
        BTreeMap::from([(String::from("harness"), String::from(env!("CARGO_PKG_VERSION")))]);
    versions.extend(environment.versions());
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let name = nix::sys::utsname::uname().map_or_else(
        |_| String::from("unknown"),
        |host| {
            let word = |text: &OsStr| text.to_string_lossy().into_owned();
            format!("{} {} {}", word(host.sysname()), word(host.release()), word(host.machine()))
        },
    );
    Metadata {
        system: String::from(SYSTEM),
        mutant: scenario.mutant.map(|mutant| mutant.to_string()),
        workload: scenario.workload.to_string(),
        model: scenario.workload.model().to_owned(),
        environment: scenario.environment.to_string(),
        seed: scenario.seed,
        started: began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        seconds: 0.0,
        interrupted: true,
        findings: Vec::new(),
        versions,
        host: format!("{name}, {cores} cores"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use workloads::{EnvironmentKind, Span};

    #[test]
    fn a_rate_that_is_too_low_to_see_progress_is_told_with_one_that_is_not() {
        for (rate, nodes, quiet, told) in [
            (1.5, 3, 5, Some("--rate 3 on")),
            (0.001, 1, 5, Some("--rate 1 on")),
            (2.9, 3, 5, Some("--rate 3 on")),
            (3.0, 3, 5, None),
            (500.0, 3, 5, None),
            (500.0, 9, 1, None),
            (8.0, 9, 1, Some("--rate 45 on")),
            // As fast as it goes.
            (0.0, 3, 5, None),
        ] {
            let draft = Draft {
                workload: Some(Workload::Append),
                rate: Some(rate),
                nodes: Some(nodes),
                quiet: Some(Span::seconds(quiet)),
                ..Draft::default()
            };
            let scenario = draft.settle(EnvironmentKind::Embedded, &[], 1, None).unwrap();
            let said = few_calls(&scenario);
            assert_eq!(said.is_some(), told.is_some(), "{rate} {nodes} {quiet}: {said:?}");
            assert!(said.unwrap_or_default().contains(told.unwrap_or_default()), "{rate}");
        }
    }
}
