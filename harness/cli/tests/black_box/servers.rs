//! What befalls real Redis servers, and proposers that are processes, in whole runs.

use crate::support::{RunFiles, Sandbox, wait_until};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// How often each fault of a run was proved; one that was not is an error.
fn proved(run: &RunFiles) -> BTreeMap<String, usize> {
    let results = run.json("results.json");
    let mut proved = BTreeMap::new();
    for fault in results["faults"].as_array().unwrap() {
        let name = fault["name"].as_str().unwrap();
        assert_eq!(fault["proof"], "held", "{name}: {fault}");
        *proved.entry(name.to_owned()).or_default() += 1;
    }
    proved
}

/// The processes of a sandbox's proposers: they run where the harness does.
fn proposers(sandbox: &Sandbox) -> usize {
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    let is_proposer = |process: &PathBuf| {
        let at = fs::read_link(process.join("cwd")).unwrap_or_default();
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        at == sandbox.path("") && String::from_utf8_lossy(&line).contains("\0gryadka\0serve\0")
    };
    entries.filter(is_proposer).count()
}

#[test]
fn proposers_are_processes_that_can_be_killed_stopped_and_restarted() {
    let sandbox = Sandbox::with_redis();
    let running = sandbox.start(
        "run cas-register --environment process --proposers process --time 13s --quiet 5s --seed 3 \
         --faults proposers,kill --fault-interval 1200ms --output out",
    );
    wait_until("three proposers", || proposers(&sandbox) == 3);
    let ended = running.end();
    assert_eq!((proposers(&sandbox), sandbox.servers().len()), (0, 0));
    let run = sandbox.latest();
    if run.faults_are_proved(&ended, 2) {
        let proved = proved(&run);
        for fault in ["proposer-restart", "proposer-kill", "proposer-pause", "kill"] {
            assert!(proved.contains_key(fault), "{fault} is not in {proved:?}");
        }
    }
    for node in 1..=3 {
        assert!(run.text(&format!("logs/p{node}.log")).contains("listening on"));
    }
}

#[test]
fn a_killed_harness_takes_along_its_proposers() {
    let sandbox = Sandbox::with_redis();
    let running = sandbox.start(
        "run append --environment process --proposers process --time 20s --faults none --output out",
    );
    wait_until("three proposers", || proposers(&sandbox) == 3);
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end().code(), None);
    wait_until("their end", || proposers(&sandbox) == 0);
    sandbox.wait_for_servers(0);
}

#[test]
fn everything_that_befalls_a_redis_server_is_proved_and_loses_nothing() {
    let sandbox = Sandbox::with_redis();
    let ended = sandbox.harness(
        "run cas-register --environment process --time 18s --quiet 5s --seed 4 \
         --faults disconnect,stall,memory-full,disk-full --fault-interval 1200ms --output out",
    );
    let run = sandbox.latest();
    if !run.faults_are_proved(&ended, 4) {
        return;
    }
    let proved = proved(&run);
    for fault in ["disconnect", "stall", "memory-full", "disk-full"] {
        assert!(proved.contains_key(fault), "{fault} is not in {proved:?}");
    }
    let faults = run.text("faults.jsonl");
    for seen in ["OOM command not allowed", "it can write no file", "cannot write its log"] {
        assert!(faults.contains(seen), "{seen} is not in {faults}");
    }
}

/// Wipes, one acceptor after the other. A slow machine needs its time to let them join again.
const WIPES: &str = "run append --environment process --time 14s --quiet 6s --seed 3 --faults wipe \
     --fault-interval 1500ms --output out";

#[test]
fn acceptors_that_forgot_everything_are_kept_out_until_they_join_again() {
    let sandbox = Sandbox::with_redis();
    for proposers in ["inside", "process"] {
        sandbox.harness(&format!("{WIPES} --proposers {proposers}")).exits(0);
        assert!(proved(&sandbox.latest())["wipe"] >= 2);
    }
}

#[test]
fn where_nobody_guards_what_all_have_forgotten_in_turn_is_lost() {
    let sandbox = Sandbox::with_redis();
    // On a slow machine a run may end before all have forgotten.
    let found = (1..=3).find_map(|seed| {
        let wipes = WIPES.replace("--seed 3", &format!("--seed {seed}"));
        let ended = sandbox.harness(&format!("{wipes} --mutant unguarded"));
        (ended.code() == Some(1)).then(|| ended.stdout())
    });
    let stdout = found.expect("no run was invalid");
    assert!(stdout.starts_with("INVALID (gryadka with the mutant unguarded): "), "{stdout}");
}

#[test]
fn what_is_synced_once_a_second_is_lost_and_found_missing() {
    let sandbox = Sandbox::with_redis();
    // What exactly is lost depends on when each write was made: a slow machine may be lucky.
    let found = (1..=5).find_map(|seed| {
        let ended = sandbox
            .harness(&format!("run lost-tail --environment process --output out --seed {seed}"));
        (ended.code() == Some(1)).then(|| ended.stdout())
    });
    let stdout = found.expect("no run was invalid");
    assert!(stdout.starts_with("INVALID: "), "{stdout}");
    let faults = sandbox.latest().text("faults.jsonl");
    assert!(faults.contains("bytes of its log were cut"), "{faults}");
}

#[test]
fn where_every_answer_waits_for_its_sync_there_is_no_tail_to_lose() {
    let sandbox = Sandbox::new();
    let args = "run lost-tail --environment process --fsync always --output out --seed 1";
    let said = sandbox.harness(args).exits(64).stderr();
    assert!(said.contains("tail-lost has nothing to lose with fsync always"), "{said}");
    assert!(!sandbox.path("out").exists());
}

#[test]
fn proposers_where_they_cannot_be_are_refused_before_anything_is_started() {
    let sandbox = Sandbox::new();
    for (args, why) in [
        ("--environment embedded --proposers process", "has none in a process of their own"),
        ("--environment process --proposers container", "use --proposers process"),
        (
            "--environment process --proposers process --mutant read-newest",
            "use --proposers inside",
        ),
        ("--environment process --faults proposer-kill", "--proposers process or container"),
        ("--environment embedded --faults stall", "cannot do stall"),
    ] {
        let stderr = sandbox.harness(&format!("run append {args} --output out")).exits(64).stderr();
        assert!(stderr.contains(why), "{args}: {stderr}");
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn the_harness_carries_the_service_in_itself() {
    let sandbox = Sandbox::new();
    let version = sandbox.harness("gryadka --version").exits(0).stdout();
    assert!(version.starts_with("gryadka "), "{version}");
    let help = sandbox.harness("gryadka serve --help").exits(0).stdout();
    assert!(help.contains("--route"), "{help}");
    // Its exit codes are its own.
    let stderr = sandbox.harness("gryadka get key --acceptors nonsense").exits(64).stderr();
    assert!(stderr.starts_with("gryadka: "), "{stderr}");
}

#[test]
fn an_environment_is_taken_that_can_do_what_is_asked_for() {
    let sandbox = Sandbox::with_redis();
    let args =
        "run append --faults disk-full --time 5s --quiet 1s --fault-interval 1s --output out";
    let said = sandbox.harness(args).exits_with_a_verdict().stderr();
    assert!(
        said.starts_with("not docker: it cannot do disk-full\nenvironment process: "),
        "{said}"
    );
}
