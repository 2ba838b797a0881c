//! What a person reads of a violation.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use harness_checker::{Answer, Budget, FailedCas, ModelKind, Settings, check};
use harness_history::{Counterexample, History, operations};
use serde_json::{Value, json};
use std::fmt::Write;

/// A history in short: one line an event, `process type f value`.
fn told(settings: &Settings, history: &str) -> String {
    match judged(settings, history) {
        Answer::Violation(counterexample) => shown(&counterexample),
        answer @ (Answer::Valid | Answer::Unknown(_)) => panic!("{answer:?}"),
    }
}

fn judged(settings: &Settings, history: &str) -> Answer {
    let mut lines = String::new();
    for (index, line) in history.lines().map(str::trim).filter(|l| !l.is_empty()).enumerate() {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or("null");
        let (process, kind, f, value) = (word(), word(), word(), word());
        let event = json!({
            "index": index,
            "process": process.parse::<u64>().unwrap(),
            "type": kind,
            "f": f,
            "value": serde_json::from_str::<Value>(value).unwrap(),
        });
        writeln!(lines, "{event}").unwrap();
    }
    let operations = operations(&History::parse(lines.as_bytes()).unwrap().events).unwrap();
    check(&operations, settings, &Budget::unlimited()).unwrap().answer
}

fn shown(counterexample: &Counterexample) -> String {
    let mut text = format!("{}\n\n", counterexample.sentence);
    for (number, step) in counterexample.story.iter().enumerate() {
        writeln!(text, "{}. {step}", number + 1).unwrap();
    }
    text.push('\n');
    for (index, w) in counterexample.operations.iter().enumerate() {
        let mark = if index == counterexample.failing { '>' } else { ' ' };
        let end = w.completed.map_or_else(|| "…".to_owned(), |end| end.to_string());
        writeln!(
            text,
            "{mark} process {} {}..{end}: {} ({}) as {:?}",
            w.process, w.invoked, w.call, w.answer, w.outcome
        )
        .unwrap();
    }
    write!(text, "\nstates: {}", counterexample.states.join("; ")).unwrap();
    text
}

fn settings(model: ModelKind) -> Settings {
    Settings::new(model, Value::Null)
}

/// Found by the seeded world: a write that nobody knows the end of may leave the value that there
/// is already, because another write has hidden before it.
#[test]
fn a_crashed_write_of_the_present_value_is_of_use_after_all() {
    let history = "
        0 invoke write null
        1 invoke write 270
        2 invoke cas [null,275]
        0 info write null
        2 ok cas [null,275]
        1 ok write 270
        1 invoke read null
        1 ok read 275
    ";
    assert_eq!(judged(&settings(ModelKind::CasRegister), history), Answer::Valid);
}

#[test]
fn a_stale_read() {
    let history = "
        0 invoke write 1
        0 ok write
        1 invoke read
        1 ok read 1
        0 invoke write 2
        2 invoke cas [7,8]
        0 ok write
        2 fail cas [7,8]
        1 invoke read
        1 ok read 1";
    insta::assert_snapshot!(told(&settings(ModelKind::CasRegister), history));
}

#[test]
fn a_value_that_nobody_wrote() {
    let history = "
        0 invoke write 1
        1 invoke read
        0 info write
        1 ok read 3";
    insta::assert_snapshot!(told(&settings(ModelKind::Register), history));
}

#[test]
fn a_cas_that_won_over_a_write_without_an_answer() {
    let history = "
        0 invoke write 1
        0 ok write
        1 invoke write 2
        1 info write
        2 invoke cas [1,3]
        2 ok cas [1,3]
        0 invoke cas [2,4]
        0 ok cas [2,4]
        3 invoke read
        3 ok read 3";
    insta::assert_snapshot!(told(&settings(ModelKind::CasRegister), history));
}

#[test]
fn a_refusal_without_a_reason() {
    let settings = Settings { failed_cas: FailedCas::Mismatch, ..settings(ModelKind::CasRegister) };
    let history = "
        0 invoke write 5
        0 ok write
        1 invoke cas [5,6]
        1 fail cas [5,6]";
    insta::assert_snapshot!(told(&settings, history));
}

#[test]
fn a_version_made_twice() {
    let history = "
        0 invoke write 10
        1 invoke cas [0,20]
        0 ok write 1
        1 ok cas 1";
    insta::assert_snapshot!(told(&settings(ModelKind::VersionedCas), history));
}

#[test]
fn an_acknowledged_append_that_is_missing_from_a_long_list() {
    let list: Vec<_> = (1..=40).collect();
    let mut history = String::new();
    for element in &list {
        writeln!(history, "0 invoke append {element}\n0 ok append").unwrap();
    }
    let lost: Vec<_> = list.iter().filter(|&&element| element != 38).collect();
    writeln!(history, "1 invoke read\n1 ok read {}", json!(lost)).unwrap();
    insta::assert_snapshot!(told(&settings(ModelKind::Append), &history));
}

#[test]
fn an_addition_that_was_forgotten() {
    let history = "
        0 invoke add 5
        0 ok add 5
        1 invoke add 2
        1 info add
        2 invoke read
        2 ok read 2";
    insta::assert_snapshot!(told(&settings(ModelKind::Counter), history));
}

#[test]
fn an_answer_of_no_possible_type() {
    let history = "
        0 invoke append 1
        0 ok append
        1 invoke read
        1 ok read 5";
    insta::assert_snapshot!(told(&settings(ModelKind::Append), history));
}

#[test]
fn a_value_that_only_a_failed_write_wrote() {
    let history = "
        1 invoke write 1
        1 ok write 1
        2 invoke write 638
        3 invoke read
        2 fail write 638
        3 ok read 638";
    insta::assert_snapshot!(told(&settings(ModelKind::Register), history));
}

/// The sentences alone: model, history, what is said.
#[test]
fn each_kind_of_flaw_is_named() {
    let written = "0 invoke write 1\n0 ok write 1\n0 invoke write 2\n0 ok write 2\n";
    let appended = "0 invoke append 1\n0 ok append\n0 invoke append 2\n0 ok append\n";
    let read = |value: &str| format!("1 invoke read\n1 ok read {value}\n");
    let register = ModelKind::CasRegister;
    let list = ModelKind::Append;
    let counter = ModelKind::Counter;
    let mut sentences = String::new();
    for (model, history) in [
        (register, read("7")),
        (register, format!("{written}{}", read("7"))),
        (register, format!("0 invoke write 7\n{}0 fail write 7\n", read("7"))),
        (
            register,
            format!(
                "0 invoke write 7\n0 fail write\n2 invoke cas [4,7]\n2 fail cas\n{}",
                read("7")
            ),
        ),
        (register, format!("{}0 invoke write 7\n0 ok write 7\n", read("7"))),
        (register, format!("{written}{}", read("1"))),
        (register, format!("{written}{}", read("null"))),
        (register, format!("{written}{}{}", read("1"), read("2"))),
        (register, format!("{written}{}{}", read("2"), read("1"))),
        (register, format!("{written}2 invoke cas [1,3]\n2 ok cas [1,3]\n")),
        (register, format!("{written}2 invoke cas [9,3]\n2 fail cas {{\"observed\":1}}\n")),
        (list, read("[7]")),
        (list, format!("2 invoke append 7\n2 fail append\n{}", read("[7]"))),
        (list, format!("{appended}{}", read("[1]"))),
        (list, format!("{appended}{}", read("[2]"))),
        (list, format!("{appended}{}", read("[2,1]"))),
        (list, format!("{appended}{}", read("[1,2,1]"))),
        (list, format!("{appended}{}{}", read("[1,2]"), read("[1]"))),
        (list, format!("{appended}{}{}", read("[1]"), read("[1,2]"))),
        (counter, format!("0 invoke add 3\n0 ok add\n{}", read("2"))),
        (counter, format!("0 invoke add 3\n0 ok add\n2 invoke add 4\n2 fail add\n{}", read("7"))),
        (ModelKind::VersionedCas, read("[1,9]")),
        (ModelKind::VersionedCas, format!("{written}{}{}", read("[2,2]"), read("[1,1]"))),
    ] {
        let settings = Settings::new(model, Value::Null);
        let Answer::Violation(found) = judged(&settings, &history) else { panic!("{history}") };
        writeln!(sentences, "{}", found.sentence).unwrap();
    }
    insta::assert_snapshot!(sentences);
}
