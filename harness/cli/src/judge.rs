//! From what lies in a run directory to the verdict, the report, and everything beside it.
//!
//! It reads the files and nothing else, so a run is judged the same way at its end, again later,
//! and after the harness was killed.

use crate::checking::Limits;
use crate::run_directory::{DirectoryError, RunDirectory};
use crate::{checking, conditions, environment};
use harness_checker::{Answer, ModelError, ModelKind, Settings, UnknownModel};
use harness_history::{
    FaultPeriod, History, HistoryError, Operation, Outcome, Proof, Torn, Verdict, operations,
    periods, read_faults,
};
use reports::{
    CheckSummary, Condition, Metadata, RESULTS_VERSION, ReportError, Results, junit, measures,
    write_report,
};
use std::path::{Path, PathBuf};
use workloads::{Draft, EnvironmentKind, Scenario, ScenarioError};

/// Why a run cannot be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgeError {
    #[error("{}: {source}", path.display())]
    History { path: PathBuf, source: HistoryError },
    /// A file that cannot be read names itself.
    #[error(transparent)]
    File(HistoryError),
    #[error("{0}")]
    Scenario(#[from] ScenarioError),
    #[error("{}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{0}")]
    Model(#[from] ModelError),
    #[error("{0}")]
    UnknownModel(#[from] UnknownModel),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl JudgeError {
    fn within(path: &Path, source: HistoryError) -> Self {
        if matches!(source, HistoryError::Io { .. }) {
            return Self::File(source);
        }
        Self::History { path: path.to_owned(), source }
    }
}

/// Judges a run and writes `results.json`, `junit.xml` and `report.html`; where they cannot be written the
/// verdict is known all the same, and the second answer says why. `rerun` is the command that runs it again.
pub(crate) fn judge(
    directory: &RunDirectory,
    limits: &Limits,
    rerun: String,
) -> Result<(Results, Result<PathBuf, JudgeError>), JudgeError> {
    let path = directory.history();
    let in_history = |source| JudgeError::within(&path, source);
    let history = History::read(&path).map_err(in_history)?;
    let operations = operations(&history.events).map_err(in_history)?;
    let scenario = read_scenario(&directory.scenario())?;
    let mut metadata = read_metadata(&directory.metadata())?;
    if metadata.interrupted {
        let last = history.events.iter().map(|event| event.time).max().unwrap_or_default();
        metadata.seconds = last as f64 / 1e9;
    }
    let path = directory.faults();
    let in_faults = |source| JudgeError::within(&path, source);
    let faults = periods(&read_faults(&path).map_err(in_faults)?);

    let check = check(&history, &operations, limits)?;
    let (total, nodes) = measures(history.header.as_ref(), &operations);
    let (demands, coverage) = conditions::demands(&conditions::Run {
        scenario: &scenario,
        header: history.header.as_ref(),
        operations: &operations,
        faults: &faults,
        interrupted: metadata.interrupted,
        findings: &metadata.findings,
    });
    let limits = conditions::limits(&scenario, &total, &nodes);
    let (verdict, reason) = verdict(&check, &demands, &limits, &faults);
    let results = Results {
        version: RESULTS_VERSION,
        verdict,
        reason,
        rerun,
        metadata,
        check,
        faults,
        total,
        nodes,
        coverage,
        conditions: demands.into_iter().chain(limits).collect(),
    };
    let write = || {
        directory.write_json(&directory.results(), &results)?;
        directory.write(&directory.junit(), &junit(&results))?;
        Ok(write_report(directory.path(), &results, &history, &operations, None)?)
    };
    let written = write();
    Ok((results, written))
}

fn read_scenario(path: &Path) -> Result<Scenario, JudgeError> {
    let text = read(path)?;
    let name = path.display().to_string();
    let draft = Draft::parse(&text, &name)?;
    let environment = draft.environment.unwrap_or(EnvironmentKind::Auto);
    let seed = draft.seed.unwrap_or_default();
    Ok(draft.settle(environment, environment::able(environment), seed, Some((&name, &text)))?)
}

fn read_metadata(path: &Path) -> Result<Metadata, JudgeError> {
    serde_json::from_str(&read(path)?).map_err(|error| JudgeError::Unreadable {
        path: path.to_owned(),
        reason: format!("not the metadata of a run: {error}"),
    })
}

fn read(path: &Path) -> Result<String, JudgeError> {
    std::fs::read_to_string(path).map_err(|error| JudgeError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// What to say of a torn end.
pub(crate) fn left_out(torn: &Torn) -> String {
    format!("line {} is torn and was left out ({} bytes)", torn.line, torn.bytes)
}

fn check(
    history: &History,
    operations: &[Operation],
    limits: &Limits,
) -> Result<CheckSummary, JudgeError> {
    let header = history.header.as_ref();
    let model: ModelKind = header.map_or("", |header| header.model.as_str()).parse()?;
    let initial = header.map(|header| header.initial.clone()).unwrap_or_default();
    let (check, seconds) = checking::check(operations, &Settings::new(model, initial), limits)?;
    let info = operations.iter().filter(|operation| operation.outcome == Outcome::Info).count();
    let (undecided, counterexample) = match check.answer {
        Answer::Valid => (None, None),
        Answer::Violation(counterexample) => (None, Some(counterexample)),
        Answer::Unknown(reason) => (Some(reason), None),
    };
    Ok(CheckSummary {
        keys: check.keys,
        operations: operations.len(),
        indeterminate: info,
        seconds,
        configurations: check.configurations,
        undecided,
        counterexample,
        left_out: history.torn.as_ref().map(left_out),
    })
}

/// A violation wins over all; then that nothing was decided, that too little happened, and that a
/// limit was passed.
fn verdict(
    check: &CheckSummary,
    demands: &[Condition],
    limits: &[Condition],
    faults: &[FaultPeriod],
) -> (Verdict, String) {
    if let Some(counterexample) = &check.counterexample {
        return (Verdict::Invalid, counterexample.sentence.clone());
    }
    if let Some(undecided) = &check.undecided {
        return (Verdict::Unknown, format!("The checker could not decide: {undecided}."));
    }
    let unmet = |conditions: &[Condition]| {
        let unmet = conditions.iter().filter(|condition| !condition.met);
        let words = unmet.map(|condition| format!("{} ({})", condition.demand, condition.seen));
        words.collect::<Vec<_>>().join("; ")
    };
    let missing = unmet(demands);
    if !missing.is_empty() {
        let reason = format!("No violation, but too little happened. Not met: {missing}.");
        return (Verdict::Inconclusive, reason);
    }
    let passed = unmet(limits);
    if !passed.is_empty() {
        return (Verdict::Threshold, format!("No violation, but a limit was passed: {passed}."));
    }
    let (operations, keys) = (check.operations, check.keys);
    let mut reason = format!("All {operations} operations on {keys} keys can be put in order");
    let proved = faults.iter().filter(|fault| fault.proof == Proof::Held).count();
    match proved {
        0 => {}
        1 => reason += ", under one verified fault",
        _ => reason += &format!(", under {proved} verified faults"),
    }
    (Verdict::Valid, reason + ".")
}
