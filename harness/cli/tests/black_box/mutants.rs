//! A store that loses a write is found out.

use crate::support::Sandbox;
use std::fmt::Write;

/// When the first cut begins, in milliseconds, and how often all of them are made.
const STEADY: u64 = 500;
const CYCLES: usize = 9;

/// Cuts that lead a proposer which goes on under the ballot of an incomplete accept into losing an
/// append: while only n1 serves, and so remembers ballots, its accepts reach a1 alone; then all
/// others, under the same ballots; and then n2 and n3 find two values under one ballot.
fn scenario() -> String {
    let others = ["p2→a1", "p2→a2", "p2→a3", "p3→a1", "p3→a2", "p3→a3"];
    let all_but_a1 = ["p1→a2", "p1→a3", "p2→a1", "p2→a2", "p2→a3", "p3→a1", "p3→a2", "p3→a3"];
    let first_and_a2 = ["p1→a1", "p1→a2", "p1→a3", "p2→a2", "p3→a2"];
    let cuts: [(u64, &str, &[&str]); 4] = [
        (250, "n2 and n3", &others),
        (150, "all but p1→a1", &all_but_a1),
        (100, "n2 and n3", &others),
        (300, "n1 and a2", &first_and_a2),
    ];
    let (mut at, mut schedule) = (STEADY, String::new());
    for (lasts, whom, links) in cuts.repeat(CYCLES) {
        write!(
            schedule,
            "[[schedule]]\nat = \"{at}ms\"\nlasts = \"{lasts}ms\"\nfault = \"cut\"\n\
             whom = \"{whom}\"\nlinks = {links:?}\n"
        )
        .unwrap();
        at += lasts;
    }
    let time = at + 800;
    format!(
        "workload = \"append\"\nenvironment = \"embedded\"\noutput = \"out\"\ntime = \"{time}ms\"\n\
         quiet = \"800ms\"\nconcurrency = 9\nkeys = 40\nrate = 900.0\ndeadline = \"10ms\"\n{schedule}"
    )
}

#[test]
fn a_reused_ballot_loses_an_append_and_is_found_out() {
    let sandbox = Sandbox::new();
    sandbox.file("duel.toml", &scenario());
    // Which of two answers comes first is not drawn from the seed, so one run in four or so is lucky.
    let found = (1..=6).find_map(|seed| {
        let ended = sandbox.harness(&format!("run duel.toml --mutant reused-ballot --seed {seed}"));
        (ended.code() == Some(1)).then(|| ended.stdout())
    });
    let stdout = found.expect("no run was invalid");
    assert!(stdout.starts_with("INVALID (gryadka with the mutant reused-ballot): "), "{stdout}");

    let run = sandbox.latest();
    let results = run.json("results.json");
    assert_eq!(results["metadata"]["mutant"], "reused-ballot");
    let counterexample = &results["check"]["counterexample"];
    assert!(counterexample["operations"].as_array().unwrap().len() >= 2, "{counterexample}");
    assert!(counterexample["sentence"].as_str().unwrap().contains("without"), "{counterexample}");

    let history = run.path("history.jsonl");
    let again = sandbox.harness(&format!("check --json {}", history.display())).exits(1).json();
    assert_eq!(again["verdict"], "invalid");
    assert_eq!(&again["counterexample"], counterexample);
    let reported = sandbox.harness("report out/latest --json").exits(1).json();
    assert_eq!(&reported["check"]["counterexample"], counterexample);
}

#[test]
fn the_same_cuts_lose_nothing_under_the_protocols_own_rules() {
    let sandbox = Sandbox::new();
    sandbox.file("duel.toml", &scenario());
    // With so short a deadline a slow machine may find too little progress, which is no violation.
    let ended = sandbox.harness("run duel.toml --seed 1").exits_with_a_verdict();
    assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stdout());
    let check = &sandbox.latest().json("results.json")["check"];
    assert!(check["undecided"].is_null() && check["counterexample"].is_null(), "{check}");
}

#[test]
fn rules_about_doubts_reads_and_combining_are_missed_too() {
    let sandbox = Sandbox::new();
    for mutant in ["doubt-repeated", "read-newest", "answered-early"] {
        let found = (1..=4).any(|seed| {
            let args = format!(
                "run append --environment embedded --faults loss,cut --mutant {mutant} --time 5s \
                 --quiet 500ms --fault-interval 600ms --rate 2000 --concurrency 24 --seed {seed} \
                 --output out"
            );
            sandbox.harness(&args).code() == Some(1)
        });
        assert!(found, "{mutant}: no run was invalid");
    }
}
