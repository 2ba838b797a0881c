//! `harness report`

use super::{print, print_json};
use crate::args::ReportArgs;
use crate::checking::Limits;
use crate::exit::{End, Failure};
use crate::judge::{JudgeError, judge};
use crate::progress::say;
use crate::run_directory::RunDirectory;
use reports::{Results, summary};
use std::path::PathBuf;

pub(super) fn report(args: &ReportArgs) -> Result<End, Failure> {
    if !args.run.is_dir() {
        let run = args.run.display();
        return Err(Failure::usage(format!(
            "{run} is no run directory; say which one, such as runs/latest"
        )));
    }
    let directory = RunDirectory::open(&args.run);
    let rerun = rerun(&directory);
    let (results, report) =
        judge(&directory, &Limits::from(&args.limits), rerun).map_err(|error| match error {
            JudgeError::Directory(_) | JudgeError::Report(_) => Failure::Internal(error.into()),
            JudgeError::History { .. }
            | JudgeError::File(_)
            | JudgeError::Scenario(_)
            | JudgeError::Unreadable { .. }
            | JudgeError::Model(_)
            | JudgeError::UnknownModel(_) => Failure::usage(error),
        })?;
    show(&results, &report, args.json)?;
    Ok(End::Judged(results.verdict))
}

/// The command that runs a run again, with the program as it was called.
pub(super) fn rerun(directory: &RunDirectory) -> String {
    let program = program();
    let here = std::env::current_dir().unwrap_or_default();
    let scenario = directory.scenario();
    let scenario = scenario.strip_prefix(&here).unwrap_or(&scenario);
    format!("{program} run {}", quoted(&scenario.display().to_string()))
}

/// The program as it was called.
pub(super) fn program() -> String {
    std::env::args().next().unwrap_or_else(|| String::from("harness"))
}

fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,".contains(c);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// Tells what a run came to: the results on stdout, and on stderr where the report is, or why there is none.
pub(super) fn show(
    results: &Results,
    report: &Result<PathBuf, JudgeError>,
    json: bool,
) -> Result<(), Failure> {
    if json {
        print_json(results)?;
    } else {
        print(&summary(results))?;
    }
    match report {
        Ok(path) => say(format!("report: {}", path.display())),
        Err(error) => say(format!("the report could not be written: {error}")),
    }
    Ok(())
}
