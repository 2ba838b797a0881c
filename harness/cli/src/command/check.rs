//! `harness check`

use super::{print, print_json};
use crate::args::CheckArgs;
use crate::checking;
use crate::checking::Limits;
use crate::exit::{End, Failure};
use crate::histories::{self, Named};
use crate::progress::say;
use harness_checker::{Answer, Check, ModelKind, Settings, UnknownModel};
use harness_history::{Counterexample, History, Operation, Verdict, look_like_tuples, operations};
use serde::Serialize;

/// What to say where every value is a list of two.
const TUPLES: &str = "all values are lists of two; if they are [key, value], say --independent";

/// What `--json` prints.
#[derive(Serialize)]
struct Output {
    history: String,
    verdict: Verdict,
    reason: String,
    model: ModelKind,
    keys: usize,
    operations: usize,
    indeterminate: usize,
    configurations: usize,
    seconds: f64,
    left_out: Option<String>,
    warning: Option<String>,
    counterexample: Option<Counterexample>,
}

pub(super) fn check(args: &CheckArgs) -> Result<End, Failure> {
    let histories = histories::read(&args.input)?;
    // All of them have to be understood before any is judged.
    let mut judged = Vec::with_capacity(histories.len());
    for Named { name, history } in &histories {
        let operations =
            operations(&history.events).map_err(|error| histories::failure(name, &error))?;
        judged.push((name, history, operations, settings(args, name, history)?));
    }
    let several = judged.len() > 1;
    let mut outputs = Vec::with_capacity(judged.len());
    for (name, history, operations, settings) in &judged {
        let output = judge(args, name, history, operations, settings)?;
        if !args.json {
            let heading = if several { format!("{name}: ") } else { String::new() };
            print(&(heading + &text(&output)))?;
        }
        outputs.push(output);
    }
    let worst = outputs.iter().map(|output| output.verdict).max_by_key(|&verdict| weight(verdict));
    if args.json && several {
        print_json(&outputs)?;
    } else if args.json {
        outputs.first().map_or(Ok(()), print_json)?;
    }
    Ok(worst.map_or(End::Done, End::Judged))
}

/// Which of several verdicts is the one of all: a violation wins, then what is not known.
fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Valid => 0,
        Verdict::Threshold => 1,
        Verdict::Inconclusive => 2,
        Verdict::Unknown => 3,
        Verdict::Invalid => 4,
    }
}

fn judge(
    args: &CheckArgs,
    name: &str,
    history: &History,
    operations: &[Operation],
    settings: &Settings,
) -> Result<Output, Failure> {
    let left_out = history.torn.as_ref().map(ToString::to_string);
    if let Some(left_out) = &left_out {
        say(format!("{name}: {left_out}"));
    }
    let versioned = settings.model == ModelKind::VersionedCas;
    let warning = look_like_tuples(&history.events, versioned).then(|| String::from(TUPLES));
    if let Some(warning) = &warning {
        say(format!("{name}: {warning}"));
    }
    let (check, seconds) = checking::check(operations, settings, &Limits::from(&args.limits))
        .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    let (verdict, reason) = verdict(&check);
    let counterexample = match check.answer {
        Answer::Violation(counterexample) => Some(counterexample),
        Answer::Valid | Answer::Unknown(_) => None,
    };
    Ok(Output {
        history: name.to_owned(),
        verdict,
        reason,
        model: settings.model,
        keys: check.keys,
        operations: operations.len(),
        indeterminate: check.indeterminate,
        configurations: check.configurations,
        seconds,
        left_out,
        warning,
        counterexample,
    })
}

fn settings(args: &CheckArgs, name: &str, history: &History) -> Result<Settings, Failure> {
    let header = history.header.as_ref();
    let model = match (args.model, header) {
        (Some(model), _) => model,
        (None, Some(header)) => header
            .model
            .parse()
            .map_err(|error: UnknownModel| Failure::usage(format!("{name}: {error}")))?,
        (None, None) => {
            let names: Vec<_> = ModelKind::ALL.iter().map(|model| model.name()).collect();
            let names = names.join(", ");
            let what =
                if history.events.is_empty() { "the history is empty and" } else { "the history" };
            return Err(Failure::usage(format!(
                "{name}: {what} does not name its model; say --model with one of {names}"
            )));
        }
    };
    let initial = args.initial.clone().or_else(|| header.map(|header| header.initial.clone()));
    Ok(Settings {
        nil_read: args.nil_read,
        failed_cas: args.failed_cas,
        answers: args.answers,
        ..Settings::new(model, initial.unwrap_or_default())
    })
}

fn verdict(check: &Check) -> (Verdict, String) {
    match &check.answer {
        Answer::Valid if check.operations == 0 => {
            (Verdict::Inconclusive, String::from("the history holds no call"))
        }
        Answer::Valid if check.acknowledged == 0 => (
            Verdict::Inconclusive,
            String::from("no call of the history succeeded, so there is nothing to judge"),
        ),
        Answer::Valid => (Verdict::Valid, String::from("the history is linearizable")),
        Answer::Violation(counterexample) => (Verdict::Invalid, counterexample.sentence.clone()),
        Answer::Unknown(reason) => (Verdict::Unknown, reason.clone()),
    }
}

fn text(output: &Output) -> String {
    let mut text = format!(
        "{}: {}\n{} operations on {} keys, {} indeterminate, in {:.2} s\n",
        output.verdict.name().to_uppercase(),
        output.reason,
        output.operations,
        output.keys,
        output.indeterminate,
        output.seconds
    );
    if let Some(counterexample) = &output.counterexample {
        for (number, step) in counterexample.story.iter().enumerate() {
            text += &format!("  {}. {step}\n", number + 1);
        }
    }
    text
}
