//! Runs that are interrupted, terminated, killed, or that never began.

use crate::support::{Ended, RunFiles, Running, Sandbox, wait_until};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Events this much older than a kill must be on disk.
const LOST_AT_MOST: Duration = Duration::from_secs(1);

/// Starts a run of real servers, and signals the harness when a server is known to be paused.
fn signalled_while_a_server_is_paused(sandbox: &Sandbox, signal: Signal) -> Ended {
    let running = sandbox.start(
        "run cas-register --environment process --time 30s --seed 3 --faults pause \
         --fault-interval 1s --output out",
    );
    wait_until("a server to be paused", || stages(&sandbox.latest()).contains(&"held".into()));
    assert_eq!(sandbox.servers().len(), 3);
    running.signal(signal);
    running.end()
}

/// The stages of a run's faults, in order.
fn stages(run: &RunFiles) -> Vec<Value> {
    run.lines("faults.jsonl").iter().map(|event| event["stage"].clone()).collect()
}

fn is_judged_on_what_there_is(sandbox: &Sandbox, ended: Ended) {
    let ended = ended.exits_with_a_verdict();
    assert_eq!(sandbox.servers(), [0; 0]);
    let run = sandbox.latest();
    run.are_complete();
    assert!(ended.stderr().contains("stopping: healing, then checking"), "{}", ended.stderr());
    assert_eq!(run.json("metadata.json")["interrupted"], true);
    let results = run.json("results.json");
    assert!(results["check"]["operations"].as_u64() > Some(0), "{results}");
    assert!(results["check"]["undecided"].is_null(), "{results}");
    assert_eq!(stages(&run)[..5], ["before", "injected", "held", "undone", "gone"]);
}

#[test]
fn an_interrupt_heals_checks_and_reports() {
    let sandbox = Sandbox::with_redis();
    let ended = signalled_while_a_server_is_paused(&sandbox, Signal::SIGINT);
    // Of nine planned faults few were injected: nothing to be green about.
    let ended = ended.exits(3);
    assert!(ended.stdout().contains("every planned fault is injected ("), "{}", ended.stdout());
    is_judged_on_what_there_is(&sandbox, ended);
}

#[test]
fn a_request_to_terminate_is_an_interrupt() {
    let sandbox = Sandbox::with_redis();
    let ended = signalled_while_a_server_is_paused(&sandbox, Signal::SIGTERM);
    is_judged_on_what_there_is(&sandbox, ended);
}

#[test]
fn an_interrupt_before_the_faults_is_inconclusive() {
    let sandbox = Sandbox::new();
    let running = sandbox.start(
        "run increment --environment embedded --time 60s --seed 5 --faults cut --output out",
    );
    wait_until("some calls", || sandbox.latest().lines("history.jsonl").len() > 100);
    running.signal(Signal::SIGINT);
    let stdout = running.end().exits(3).stdout();
    assert!(stdout.contains("every planned fault is injected (0 of "), "{stdout}");
}

#[test]
fn an_interrupt_before_the_servers_are_up_is_no_verdict_and_no_failure() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let sandbox = Sandbox::new();
        let path = with_server(&sandbox, "#!/bin/sh\nexec sleep 60\n");
        let mut command = sandbox.command("run append --environment process --output out");
        command.env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = Running::of(command.spawn().unwrap());
        wait_until("a server", || fs::read_dir(sandbox.path("tmp")).unwrap().count() > 0);
        running.signal(signal);
        let ended = running.end().exits(130);
        assert_eq!(ended.stdout(), "");
        let said = ended.stderr();
        assert_eq!(said.matches("interrupted").count(), 1, "{said}");
        assert_eq!(sandbox.servers(), [0; 0]);
        assert_eq!(fs::read_dir(sandbox.path("tmp")).unwrap().count(), 0);
    }
}

/// A PATH on which this program is the redis-server.
fn with_server(sandbox: &Sandbox, program: &str) -> String {
    fs::create_dir(sandbox.path("bin")).unwrap();
    let fake = sandbox.file("bin/redis-server", program);
    fs::set_permissions(fake, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").unwrap())
}

#[test]
fn a_killed_harness_takes_its_servers_along_and_leaves_a_history_to_report() {
    let sandbox = Sandbox::with_redis();
    let running = sandbox.start(
        "run cas-register --environment process --time 30s --seed 3 --faults none --output out",
    );
    let run = sandbox.latest();
    wait_until("the first calls", || run.lines("history.jsonl").len() > 1);
    let began = (Instant::now(), last_time(&run));
    wait_until("more calls", || last_time(&run) > began.1 + Duration::from_millis(1500));
    running.signal(Signal::SIGKILL);
    let killed = began.1 + began.0.elapsed();
    assert_eq!(running.end().code(), None);

    sandbox.wait_for_servers(0);
    let last = last_time(&run);
    assert!(last + LOST_AT_MOST > killed, "the last event is of {last:?}, the kill of {killed:?}");
    assert!(!run.path("results.json").exists());

    let report = sandbox.harness("report out/latest --json").exits_with_a_verdict().json();
    run.are_complete();
    assert_eq!(report["metadata"]["interrupted"], true);
    assert_eq!(report["check"]["undecided"], Value::Null);
    let seconds = report["metadata"]["seconds"].as_f64().unwrap();
    assert!((seconds - last.as_secs_f64()).abs() < 1e-6, "{seconds} s, but {last:?}");
    let history = run.path("history.jsonl");
    sandbox.harness(&format!("check {}", history.display())).exits(0);
}

/// The time of the last whole event.
fn last_time(run: &RunFiles) -> Duration {
    let events = run.lines("history.jsonl");
    Duration::from_nanos(events.last().and_then(|event| event["time"].as_u64()).unwrap_or(0))
}

#[test]
fn servers_that_do_not_start_are_an_error_of_the_harness_with_their_last_words() {
    let sandbox = Sandbox::new();
    let fake = "#!/bin/sh\nfor line in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo line $line; done\n\
                echo Fatal: no such luck >&2\nexit 1\n";
    let path = with_server(&sandbox, fake);
    let mut command = sandbox.command("run append --environment process --output out");
    let ended = Ended(command.env("PATH", path).output().unwrap()).exits(70);
    assert_eq!(sandbox.servers(), [0; 0]);
    assert_eq!(ended.stdout(), "");
    insta::assert_snapshot!(ended.stderr(), @"
    harness: the harness failed: a1 is not as it should be: it ended at once (exit status: 1)
      line 3
      line 4
      line 5
      line 6
      line 7
      line 8
      line 9
      line 10
      line 11
      line 12
      line 13
      Fatal: no such luck
    ");
}
