//! `harness check`

use super::{print, print_json};
use crate::args::CheckArgs;
use crate::checking::Limits;
use crate::exit::{End, Failure};
use crate::progress::say;
use crate::{checking, judge};
use harness_checker::{Answer, Check, ModelKind, Settings, UnknownModel};
use harness_history::{Counterexample, History, HistoryError, Value, Verdict, operations};
use serde::Serialize;

/// What `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    verdict: Verdict,
    reason: String,
    model: ModelKind,
    keys: usize,
    operations: usize,
    indeterminate: usize,
    configurations: usize,
    seconds: f64,
    left_out: Option<String>,
    counterexample: Option<&'a Counterexample>,
}

pub(super) fn check(args: &CheckArgs) -> Result<End, Failure> {
    let file = args.history.display();
    // What cannot be read names its file by itself.
    let bad = |error: HistoryError| {
        if matches!(error, HistoryError::Io { .. }) {
            return Failure::usage(error);
        }
        Failure::usage(format!("{file}: {error}"))
    };
    let history = History::read(&args.history).map_err(bad)?;
    let operations = operations(&history.events).map_err(bad)?;
    let settings = settings(args, &history)?;
    let left_out = history.torn.as_ref().map(judge::left_out);
    if let Some(left_out) = &left_out {
        say(format!("{file}: {left_out}"));
    }
    let (check, seconds) = checking::check(&operations, &settings, &Limits::from(&args.limits))
        .map_err(|error| Failure::usage(format!("{file}: {error}")))?;
    let (verdict, reason) = verdict(&check);
    if args.json {
        let counterexample = match &check.answer {
            Answer::Violation(counterexample) => Some(counterexample),
            Answer::Valid | Answer::Unknown(_) => None,
        };
        print_json(&Output {
            verdict,
            reason,
            model: settings.model,
            keys: check.keys,
            operations: operations.len(),
            indeterminate: check.indeterminate,
            configurations: check.configurations,
            seconds,
            left_out,
            counterexample,
        })?;
    } else {
        print(&text(&check, verdict, &reason, operations.len(), seconds))?;
    }
    Ok(End::Judged(verdict))
}

fn settings(args: &CheckArgs, history: &History) -> Result<Settings, Failure> {
    let header = history.header.as_ref();
    let model = match (args.model, header) {
        (Some(model), _) => model,
        (None, Some(header)) => header.model.parse().map_err(|error: UnknownModel| {
            Failure::usage(format!("{}: {error}", args.history.display()))
        })?,
        (None, None) => {
            let names: Vec<_> = ModelKind::ALL.iter().map(|model| model.name()).collect();
            let names = names.join(", ");
            return Err(Failure::usage(format!(
                "{}: the history does not name its model; say --model with one of {names}",
                args.history.display()
            )));
        }
    };
    let initial = args.initial.clone().or_else(|| header.map(|header| header.initial.clone()));
    Ok(Settings {
        model,
        initial: initial.unwrap_or(Value::Null),
        nil_read: args.nil_read,
        failed_cas: args.failed_cas,
    })
}

fn verdict(check: &Check) -> (Verdict, String) {
    match &check.answer {
        Answer::Valid => (Verdict::Valid, String::from("the history is linearizable")),
        Answer::Violation(counterexample) => (Verdict::Invalid, counterexample.sentence.clone()),
        Answer::Unknown(reason) => (Verdict::Unknown, reason.clone()),
    }
}

fn text(check: &Check, verdict: Verdict, reason: &str, operations: usize, seconds: f64) -> String {
    let mut text = format!(
        "{}: {reason}\n{operations} operations on {} keys, {} indeterminate, in {seconds:.2} s\n",
        verdict.name().to_uppercase(),
        check.keys,
        check.indeterminate
    );
    if let Answer::Violation(counterexample) = &check.answer {
        for (number, step) in counterexample.story.iter().enumerate() {
            text += &format!("  {}. {step}\n", number + 1);
        }
    }
    text
}
