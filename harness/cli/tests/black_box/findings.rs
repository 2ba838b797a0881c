//! What servers do that no fault asked for: it is a finding, and the history is judged all the same.

use crate::support::{Running, Sandbox, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What is demanded of servers.
const STAYS: &str = "servers and links stay as the nemesis leaves them";

/// The processes of a sandbox's Redis servers.
fn redis_servers(sandbox: &Sandbox) -> Vec<u32> {
    let is_redis = |pid: &u32| {
        let name = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("comm"));
        name.is_ok_and(|name| name.trim() == "redis-server")
    };
    sandbox.servers().into_iter().filter(is_redis).collect()
}

/// Waits until calls have been made.
fn wait_for_calls(sandbox: &Sandbox, least: usize) {
    wait_until("calls", || {
        let lines = fs::read_to_string(sandbox.path("out/latest/history.jsonl"));
        lines.is_ok_and(|lines| lines.lines().count() > 2 * least)
    });
}

fn kill_one(sandbox: &Sandbox) {
    wait_until("three servers", || redis_servers(sandbox).len() == 3);
    wait_for_calls(sandbox, 100);
    let pid = redis_servers(sandbox)[0];
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
}

/// The finding of a run that ended so, in words.
fn found(sandbox: &Sandbox, running: Running, code: i32) -> String {
    let ended = running.end().exits(code);
    let run = sandbox.latest();
    run.are_complete();
    let results = run.json("results.json");
    assert_eq!(results["check"]["undecided"], serde_json::Value::Null);
    let conditions = results["conditions"].as_array().unwrap().iter();
    let found = conditions.filter(|it| it["demand"] == STAYS && it["met"] == false);
    let found: Vec<_> = found.map(|it| it["seen"].as_str().unwrap()).collect();
    assert!(!found.is_empty(), "{}", ended.stdout());
    assert!(ended.stderr().contains(found[0]), "{}", ended.stderr());
    // A later report says the same.
    let again = sandbox.harness("report out/latest").exits(code).stdout();
    assert!(again.contains(found[0]), "{again}");
    found.join("; ")
}

#[test]
fn a_server_that_ends_by_itself_is_a_finding_and_the_history_is_judged() {
    let sandbox = Sandbox::with_redis();
    let running = sandbox
        .start("run append --environment process --time 4s --quiet 1s --faults none --output out");
    kill_one(&sandbox);
    let found = found(&sandbox, running, 3);
    assert!(found.contains("is not as it should be"), "{found}");
    assert_eq!(sandbox.servers(), [0; 0]);
}

/// A read of what was never written.
const VIOLATION: &str = r#"
{"index":0,"time":1,"process":0,"type":"invoke","f":"read","key":"0","value":null}
{"index":1,"time":2,"process":0,"type":"ok","f":"read","key":"0","value":[7]}
"#;

#[test]
fn a_violation_wins_over_a_finding() {
    let sandbox = Sandbox::new();
    let args =
        "run append --environment embedded --time 1s --quiet 500ms --faults none --output out";
    sandbox.harness(args);
    let run = sandbox.latest();
    let mut metadata = run.json("metadata.json");
    metadata["findings"] = serde_json::json!(["a2 did not come back"]);
    fs::write(run.path("metadata.json"), metadata.to_string()).unwrap();
    sandbox.harness("report out/latest").exits(3);
    let history = run.text("history.jsonl");
    let header = history.lines().next().unwrap();
    fs::write(run.path("history.jsonl"), format!("{header}{VIOLATION}")).unwrap();
    let said = sandbox.harness("report out/latest").exits(1).stdout();
    assert!(said.starts_with("INVALID: ") && said.contains("a2 did not come back"), "{said}");
}

/// A redis-server that runs once in each directory, and not again.
const ONCE: &str = "#!/bin/sh
for word in \"$@\"; do
  if [ \"$last\" = --dir ]; then mark=\"$word/ran\"; fi
  last=$word
done
if [ -e \"$mark\" ]; then echo 'Fatal: not a second time' >&2; exit 1; fi
touch \"$mark\"
exec /usr/bin/redis-server \"$@\"
";

#[test]
fn a_server_that_does_not_come_back_after_a_fault_is_a_finding() {
    let sandbox = Sandbox::with_redis();
    fs::create_dir(sandbox.path("bin")).unwrap();
    let fake = sandbox.file("bin/redis-server", ONCE);
    fs::set_permissions(fake, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = sandbox.command(
        "run append --environment process --time 10s --quiet 2s --faults kill --output out",
    );
    let child = command
        .env("PATH", path)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let found = found(&sandbox, Running::of(child), 3);
    assert!(found.contains("Fatal: not a second time"), "{found}");
    let stages = sandbox.latest().text("faults.jsonl");
    assert!(stages.contains("\"held\"") && !stages.contains("\"undone\""), "{stages}");
}

#[test]
fn what_was_recorded_before_the_disk_was_full_is_judged() {
    let sandbox = Sandbox::new();
    let run = "run append --environment embedded --time 4s --quiet 1s --faults none --output out";
    let mut command = std::process::Command::new("env");
    // As a full disk fails a write, so does a limit of the size of files.
    command
        .args(["--ignore-signal=XFSZ", "prlimit", "--fsize=150000"])
        .arg(env!("CARGO_BIN_EXE_harness"))
        .args(run.split_whitespace())
        .current_dir(sandbox.path(""))
        .env("TMPDIR", sandbox.path("tmp"))
        .env("XDG_STATE_HOME", sandbox.path("state"));
    let ended = crate::support::Ended(command.output().unwrap()).exits(3);
    assert!(ended.stderr().contains("File too large"), "{}", ended.stderr());
    assert!(ended.stdout().contains(STAYS), "{}", ended.stdout());
    let again = sandbox.harness("report out/latest").exits(3).stdout();
    assert!(again.starts_with("INCONCLUSIVE: "), "{again}");
    sandbox.latest().are_complete();
}
