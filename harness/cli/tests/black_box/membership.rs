//! Acceptors join, leave and are replaced while the load goes on.

use crate::support::{RunFiles, Sandbox, wait_until};
use nix::sys::signal::Signal;
use serde_json::Value;

/// What became of the faults of a run: their names, and whether they were proved.
fn faults(run: &RunFiles) -> Vec<(String, String)> {
    let faults = run.json("results.json")["faults"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    faults.iter().map(|fault| (text(&fault["name"]), text(&fault["proof"]))).collect()
}

/// A change by hand: what it does, and a second of its own for each.
fn scenario(environment: &str, changes: &[&str]) -> String {
    let entry = |(second, change): (usize, &&str)| {
        format!(
            "[[schedule]]\nat = \"{second}s\"\nlasts = \"500ms\"\nfault = \"membership\"\n\
             whom = \"some\"\n[schedule.membership]\n{change}\n"
        )
    };
    let schedule: String = (1..).zip(changes).map(entry).collect();
    let time = changes.len() * 2 + 4;
    format!(
        "workload = \"cas-register\"\nenvironment = \"{environment}\"\ntime = \"{time}s\"\n\
         quiet = \"1500ms\"\nseed = 5\ncold = 7\noutput = \"out\"\n{schedule}"
    )
}

#[test]
fn three_four_three_and_replacements_of_every_kind_are_valid_and_proved() {
    let sandbox = Sandbox::new();
    let changes = [
        "joins = 4\ndeaths = [1, 1, 1]",
        "leaves = 2\nlost = \"cut\"\ndeaths = [2]\nthrough = 1",
        "joins = 5\nleaves = 3\nlost = \"kill\"\ndeaths = [3]",
        "joins = 1\nleaves = 1\nlost = \"wipe\"\ndeaths = [4]\nthrough = 2",
    ];
    sandbox.file("moves.toml", &scenario("embedded", &changes));
    sandbox.harness("run moves.toml").exits(0);
    let run = sandbox.latest();
    assert_eq!(faults(&run), vec![("membership".into(), "held".into()); 4]);
    let results = run.text("results.json");
    for seen in [
        "before: epoch 1, settled: a1 a2 a3; all vote",
        "during: epoch 2, settled: a1 a2 a3 a4; all vote",
        "after: epoch 7, settled: a1 a4 a5; all vote",
        "a driver was killed when the aim {1, 2, 3, 4} was announced",
        "a2 has left: a new connection refused",
        "\"21 of 21 such reads\"",
    ] {
        assert!(results.contains(seen), "{seen} is not in {results}");
    }
}

#[test]
fn servers_that_join_and_leave_end_with_their_run() {
    let sandbox = Sandbox::with_redis();
    let changes = ["joins = 4", "joins = 5\nleaves = 1\nlost = \"kill\"", "leaves = 2"];
    sandbox.file("moves.toml", &scenario("process", &changes));
    let running = sandbox.start("run moves.toml");
    sandbox.wait_for_servers(4);
    running.end().exits(0);
    let run = sandbox.latest();
    assert_eq!(faults(&run), vec![("membership".into(), "held".into()); 3]);
    assert_eq!(sandbox.servers(), [0; 0]);
    for acceptor in 1..=5 {
        assert!(run.path(&format!("logs/a{acceptor}.log")).exists(), "a{acceptor}");
    }
    let left: Vec<_> = std::fs::read_dir(sandbox.path("tmp")).unwrap().collect();
    assert!(left.is_empty(), "data of servers that are gone: {left:?}");
}

#[test]
fn a_killed_harness_takes_along_the_servers_that_joined() {
    let sandbox = Sandbox::with_redis();
    sandbox.file("moves.toml", &scenario("process", &["joins = 4", "joins = 5"]));
    let running = sandbox.start("run moves.toml");
    wait_until("the fifth server", || sandbox.servers().len() == 5);
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end().code(), None);
    sandbox.wait_for_servers(0);
}

#[test]
fn changes_that_cannot_be_are_refused_before_anything_is_started() {
    let sandbox = Sandbox::new();
    let refused = [
        ("joins = 5", "a5 joins; the next acceptor is a4"),
        ("leaves = 9", "a9 leaves, but is not there"),
        ("joins = 2\nleaves = 2", "who joins again must have lost its memory"),
        ("deaths = [1]", "membership needs the field `joins` or `leaves`, or both"),
        ("leaves = 2\nthrough = 4", "`through` names no node; allowed: 1 to 3"),
    ];
    for (change, why) in refused {
        sandbox.file("moves.toml", &scenario("embedded", &[change]));
        let stderr = sandbox.harness("run moves.toml").exits(64).stderr();
        assert!(stderr.contains(why), "{stderr}");
    }
    let whole = scenario("embedded", &["joins = 4"]).replace("cold = 7", "cold = 0");
    sandbox.file("moves.toml", &whole);
    let stderr = sandbox.harness("run moves.toml").exits(64).stderr();
    assert!(
        stderr.contains("moves.toml:6: cold: 0 is out of range; allowed: 1 to 10000"),
        "{stderr}"
    );
    assert!(!sandbox.path("out").exists());
}
