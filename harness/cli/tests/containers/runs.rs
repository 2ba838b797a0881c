//! Runs that come to their end.

use crate::site::{Site, everything, things};
use crate::support::wait_until;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeSet;

/// The kinds of faults that were verified.
fn proved(site: &Site) -> BTreeSet<String> {
    let events = site.sandbox.latest().lines("faults.jsonl");
    let of = |stage: &str| -> BTreeSet<u64> {
        let events = events.iter().filter(|event| event["stage"] == stage);
        events.filter_map(|event| event["fault"].as_u64()).collect()
    };
    let both: BTreeSet<u64> = of("held").intersection(&of("gone")).copied().collect();
    let is_proved = |event: &&Value| event["fault"].as_u64().is_some_and(|n| both.contains(&n));
    events.iter().filter(is_proved).map(|event| event["name"].as_str().unwrap().into()).collect()
}

#[test]
fn a_run_is_seen_in_containers_proves_its_faults_and_leaves_nothing() {
    let site = Site::new();
    let running = site.start(
        "--time 27s --faults cut,latency,kill,pause,loss,disconnect --fault-interval 3s \
         --quiet 5s --seed 3",
    );
    let run = site.wait_for_containers(4);
    assert_eq!(things(&run), everything(&run, 3));
    let ended = running.end().exits(0);
    assert!(proved(&site).len() >= 5, "{:?}\n{}", proved(&site), ended.stderr());
    site.is_clean(&run);
    let files = site.sandbox.latest();
    files.are_complete();
    assert_eq!(files.json("metadata.json")["environment"], "docker");
    for log in ["logs/a1.log", "logs/toxiproxy.log"] {
        assert!(!files.text(log).is_empty(), "{log}");
    }
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let (first, second) = (Site::new(), Site::new());
    let args = "--time 60s --faults cut --fault-interval 1s --seed 4";
    let (ends, goes_on) = (first.start(args), second.start(args));
    let (one, other) = (first.wait_for_containers(4), second.wait_for_containers(4));
    assert_ne!(one, other);
    for site in [&first, &second] {
        wait_until("a fault", || !proved(site).is_empty());
    }
    for run in [&one, &other] {
        assert_eq!(things(run), everything(run, 3));
    }

    ends.signal(Signal::SIGINT);
    ends.end().exits_with_a_verdict();
    first.is_clean(&one);
    assert_eq!(things(&other), everything(&other, 3));
    goes_on.signal(Signal::SIGINT);
    goes_on.end().exits_with_a_verdict();
    second.is_clean(&other);
    for site in [&first, &second] {
        let faults = site.sandbox.latest().lines("faults.jsonl");
        let unproved =
            |event: &&Value| event["stage"] == "did-not-hold" || event["stage"] == "not-undone";
        assert_eq!(faults.iter().find(unproved), None);
    }
}

#[test]
fn proposers_in_containers_are_killed_and_paused() {
    let site = Site::new();
    let running = site.start(
        "--time 22s --quiet 6s --proposers container --faults proposers --fault-interval 4s \
         --seed 5",
    );
    let run = site.wait_for_containers(7);
    wait_until("proposers", || things(&run).contains(&format!("harness-{run}-p3")));
    running.end().exits(0);
    let kinds = proved(&site);
    assert!(kinds.iter().all(|kind| kind.starts_with("proposer-")), "{kinds:?}");
    assert!(kinds.len() >= 2, "{kinds:?}");
    // The load's clock begins when all of them can be called.
    let first = |file: &str| {
        let lines = site.sandbox.latest().lines(file);
        lines.iter().find_map(|line| line["time"].as_u64()).unwrap()
    };
    assert!(first("history.jsonl") < first("faults.jsonl"));
    site.is_clean(&run);
}

#[test]
fn a_wiped_acceptor_joins_again_and_without_a_guard_the_harness_sees_what_is_lost() {
    let site = Site::new();
    let args = "--time 14s --quiet 4s --faults wipe --fault-interval 3s --seed 6 --cold 5";
    site.run(args).exits(0);
    assert!(proved(&site).contains("wipe"));
    // On a slow machine a run may end before all have forgotten.
    let found = (6..=8).find_map(|seed| {
        let args = args.replace("--seed 6", &format!("--seed {seed}"));
        let ended = site.run(&format!("{args} --mutant unguarded"));
        (ended.code() == Some(1)).then(|| ended.stdout())
    });
    let stdout = found.expect("no run was invalid");
    assert!(stdout.starts_with("INVALID (gryadka with the mutant "), "{stdout}");
}
