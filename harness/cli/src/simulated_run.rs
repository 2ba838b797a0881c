//! What is kept of a simulated run that failed, and how it is repeated.
//!
//! | file | what it is |
//! |---|---|
//! | `world.json` | seed and world: what repeats the run |
//! | `history.jsonl`, `faults.jsonl`, `trace.txt` | the run, call by call and message by message |
//! | `case.json`, `case-trace.txt` | the shrunk case, and its messages |
//! | `results.json`, `report.html`, `junit.xml`, `metadata.json` | the verdict, with the case as lanes |

use crate::lanes::lanes;
use crate::run_directory::{DirectoryError, RunDirectory};
use harness_checker::Check;
use harness_history::{
    Event, Header, History, HistoryError, HistoryWriter, Verdict, operations, periods,
};
use harness_sim::{Case, Detail, Setup, Shrunk, SimRun, run_case, run_setup};
use jiff::Timestamp;
use reports::{
    CheckSummary, Metadata, RESULTS_VERSION, ReportError, Results, junit, measures, write_report,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a simulated run could not be kept, or not be repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SimulatedRunError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("{}: {reason}; a directory that `harness sim` made has it", path.display())]
    Unreadable { path: PathBuf, reason: String },
}

/// What repeats a run.
#[derive(Debug, Serialize, Deserialize)]
struct World {
    scenario: String,
    seed: u64,
    setup: Setup,
}

/// A failing run, its shrunk case, and where they were found.
pub(crate) struct Failure<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) run: &'a SimRun,
    pub(crate) check: &'a Check,
    pub(crate) shrunk: &'a Shrunk,
    pub(crate) seconds: f64,
}

impl Failure<'_> {
    /// Writes the directory, and says what its results are and where the report is.
    pub(crate) fn keep(
        &self,
        output: &Path,
        rerun: String,
    ) -> Result<(RunDirectory, Results, PathBuf), SimulatedRunError> {
        let workload = format!("sim-{}", self.scenario.replace(['/', '\\'], "-"));
        let directory = RunDirectory::create(output, Timestamp::now(), "gryadka", &workload)?;
        let world = World {
            scenario: self.scenario.to_owned(),
            seed: self.run.seed,
            setup: self.run.setup.clone(),
        };
        directory.write_json(&directory.path().join("world.json"), &world)?;
        directory.write_json(&directory.path().join("case.json"), &self.shrunk.case)?;
        write_history(&directory.history(), &self.run.header, &self.run.events)?;
        let lines = self.run.faults.iter().filter_map(|event| serde_json::to_string(event).ok());
        directory.write(&directory.faults(), &text(lines))?;
        directory.write(&trace_file(&directory), &text(&self.run.trace))?;
        directory.write(&case_trace_file(&directory), &text(&self.shrunk.run.trace))?;
        let (results, report) = self.report(&directory, rerun)?;
        directory.become_latest()?;
        Ok((directory, results, report))
    }

    fn report(
        &self,
        directory: &RunDirectory,
        rerun: String,
    ) -> Result<(Results, PathBuf), SimulatedRunError> {
        let operations = operations(&self.run.events)?;
        let (total, nodes) = measures(Some(&self.run.header), &operations);
        let counterexample = &self.shrunk.counterexample;
        let results = Results {
            version: RESULTS_VERSION,
            verdict: Verdict::Invalid,
            reason: counterexample.sentence.clone(),
            rerun,
            metadata: self.metadata(),
            check: CheckSummary {
                keys: self.check.keys,
                operations: self.check.operations,
                indeterminate: self.check.indeterminate,
                seconds: self.seconds,
                configurations: self.check.configurations,
                undecided: None,
                counterexample: Some(counterexample.clone()),
                left_out: None,
            },
            faults: periods(&self.run.faults),
            total,
            nodes,
            coverage: Vec::new(),
            conditions: Vec::new(),
        };
        directory.write_json(&directory.metadata(), &results.metadata)?;
        directory.write_json(&directory.results(), &results)?;
        directory.write(&directory.junit(), &junit(&results))?;
        let header = Some(self.run.header.clone());
        let history = History { header, events: self.run.events.clone(), torn: None };
        let lanes = lanes(&self.shrunk.run, counterexample)?;
        let report = write_report(directory.path(), &results, &history, &operations, Some(&lanes))?;
        Ok((results, report))
    }

    fn metadata(&self) -> Metadata {
        let last = self.run.events.last().map_or(0, |event| event.time);
        let versions =
            BTreeMap::from([(String::from("harness"), String::from(env!("CARGO_PKG_VERSION")))]);
        Metadata {
            system: String::from("gryadka"),
            mutant: self.run.setup.mutant.map(|mutant| mutant.name().to_owned()),
            workload: self.scenario.to_owned(),
            model: self.run.header.model.clone(),
            environment: String::from("sim"),
            seed: self.run.seed,
            started: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            seconds: last as f64 / 1e9,
            interrupted: false,
            findings: Vec::new(),
            versions,
            host: String::from("a virtual network and clock"),
        }
    }
}

/// What came of repeating a run.
pub(crate) struct Repeated {
    pub(crate) scenario: String,
    pub(crate) run: SimRun,
    pub(crate) case: SimRun,
    /// Files that came out otherwise than they were kept.
    pub(crate) differing: Vec<&'static str>,
}

/// Repeats a kept run and its case, and compares every line.
pub(crate) fn repeat(directory: &RunDirectory) -> Result<Repeated, SimulatedRunError> {
    let world: World = read_json(&directory.path().join("world.json"))?;
    let case: Case = read_json(&directory.path().join("case.json"))?;
    let run = run_setup(world.seed, world.setup, Detail::Everything);
    let case = run_case(&case, Detail::Everything);
    let kept = History::read(&directory.history())?;
    let mut differing = Vec::new();
    if kept.events != run.events {
        differing.push("history.jsonl");
    }
    if read(&trace_file(directory))? != text(&run.trace) {
        differing.push("trace.txt");
    }
    if read(&case_trace_file(directory))? != text(&case.trace) {
        differing.push("case-trace.txt");
    }
    Ok(Repeated { scenario: world.scenario, run, case, differing })
}

fn trace_file(directory: &RunDirectory) -> PathBuf {
    directory.path().join("trace.txt")
}

fn case_trace_file(directory: &RunDirectory) -> PathBuf {
    directory.path().join("case-trace.txt")
}

fn text<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> String {
    lines.into_iter().fold(String::new(), |text, line| text + line.as_ref() + "\n")
}

fn write_history(path: &Path, header: &Header, events: &[Event]) -> Result<(), HistoryError> {
    let mut writer = HistoryWriter::create(path, header)?;
    events.iter().try_for_each(|event| writer.append(event.clone()))
}

fn read(path: &Path) -> Result<String, SimulatedRunError> {
    std::fs::read_to_string(path).map_err(|error| SimulatedRunError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, SimulatedRunError> {
    serde_json::from_str(&read(path)?).map_err(|error| SimulatedRunError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
