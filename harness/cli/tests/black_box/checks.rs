//! `harness check` on histories whose answer is known.

use crate::support::Sandbox;
use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

/// What the corpus says of one of its histories.
#[derive(Deserialize)]
pub(crate) struct Known {
    pub(crate) file: String,
    pub(crate) model: String,
    pub(crate) initial: Value,
    pub(crate) nil_read: String,
    pub(crate) failed_cas: String,
    pub(crate) linearizable: bool,
    pub(crate) operations: u64,
}

impl Known {
    /// How the checker is told to read it.
    pub(crate) fn flags(&self) -> Vec<String> {
        let initial = self.initial.to_string();
        let flags: [(&str, &str); 4] = [
            ("--model", &self.model),
            ("--initial", &initial),
            ("--nil-read", &self.nil_read),
            ("--failed-cas", &self.failed_cas),
        ];
        flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]).collect()
    }
}

/// The directory of histories with known verdicts, and what is in it.
pub(crate) fn corpus() -> (PathBuf, Vec<Known>) {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../checker/tests/corpus");
    let manifest = std::fs::read(corpus.join("manifest.json")).unwrap();
    (corpus, serde_json::from_slice(&manifest).unwrap())
}

#[test]
fn every_history_of_the_corpus_gets_its_known_verdict() {
    let sandbox = Sandbox::new();
    let (corpus, histories) = corpus();
    let mut seen = [0, 0];
    for known in histories {
        let mut command = sandbox.command("check --json");
        command.arg(corpus.join(&known.file)).args(known.flags());
        let output = command.output().unwrap();
        let (verdict, code) = if known.linearizable { ("valid", 0) } else { ("invalid", 1) };
        assert_eq!(output.status.code(), Some(code), "{}: {output:?}", known.file);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["verdict"], verdict, "{}", known.file);
        assert_eq!(answer["operations"], known.operations, "{}", known.file);
        assert_eq!(answer["counterexample"].is_null(), known.linearizable, "{}", known.file);
        seen[usize::from(known.linearizable)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}

const HEADER: &str = r#"{"format":"harness-history","version":1,"model":"register","initial":0}"#;

/// A history of writes and reads, one after the other, that breaks off within its last line.
pub(crate) fn torn(calls: &[(&str, u64)]) -> String {
    let mut text = format!("{HEADER}\n");
    for (number, (f, value)) in calls.iter().enumerate() {
        for (index, kind) in [(2 * number, "invoke"), (2 * number + 1, "ok")] {
            text += &format!(
                "{{\"index\":{index},\"process\":0,\"type\":\"{kind}\",\"f\":\"{f}\",\"value\":{value}}}\n"
            );
        }
    }
    text + "{\"index\":99,\"proc"
}

#[test]
fn a_torn_history_is_judged_by_what_is_whole() {
    let sandbox = Sandbox::new();
    sandbox.file("torn.jsonl", &torn(&[("write", 1), ("read", 1)]));
    let text = sandbox.harness("check torn.jsonl").exits(0);
    assert_eq!(text.stderr(), "torn.jsonl: line 6 is torn and was left out (17 bytes)\n");
    assert!(text.stdout().starts_with("VALID: the history is linearizable\n"), "{}", text.stdout());
    let json = sandbox.harness("check torn.jsonl --json").exits(0).json();
    assert_eq!(json["left_out"], "line 6 is torn and was left out (17 bytes)");
    assert_eq!(json["operations"], 2);
}

#[test]
fn a_violation_in_a_torn_history_is_still_one() {
    let sandbox = Sandbox::new();
    sandbox.file("torn.jsonl", &torn(&[("write", 1), ("read", 2)]));
    let json = sandbox.harness("check torn.jsonl --json").exits(1).json();
    assert_eq!(json["verdict"], "invalid");
    assert_eq!(json["left_out"], "line 6 is torn and was left out (17 bytes)");
    assert_eq!(json["counterexample"]["operations"][0]["answer"], "read 2");
}

#[test]
fn a_check_without_a_budget_is_unknown_and_says_which_budget() {
    let sandbox = Sandbox::new();
    let hard = concat!(env!("CARGO_MANIFEST_DIR"), "/../checker/tests/corpus/etcd/etcd_000.jsonl");
    let check = format!("check {hard} --model cas-register --nil-read any --json --check-memory 0");
    let json = sandbox.harness(&check).exits(2).json();
    assert_eq!(json["verdict"], "unknown");
    assert!(json["reason"].as_str().unwrap().contains("memory"), "{json}");
}
