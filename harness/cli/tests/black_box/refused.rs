//! What cannot be done is refused before anything is started or written, and says what would be
//! right.

use crate::support::{Ended, Sandbox};
use std::fmt::Write;
use std::fs;

/// Calls the harness with what it must refuse, and gives what the user then reads.
fn refusals(sandbox: &Sandbox, calls: &[&str]) -> String {
    let mut text = String::new();
    for call in calls {
        let ended = sandbox.harness(call).exits(64);
        assert_eq!(ended.stdout(), "", "{call}");
        assert!(!sandbox.path("out").exists(), "{call} made the output directory");
        write!(text, "$ harness {call}\n{}\n", sandbox.redacted(&ended.stderr())).unwrap();
    }
    text
}

#[test]
fn bad_arguments_are_answered_with_what_would_be_right() {
    let sandbox = Sandbox::new();
    let text = refusals(
        &sandbox,
        &[
            "run apend --output out",
            "run append --environment embedded --output out --faults cut,latnecy",
            "run append --output out --fault-intervall 2s",
            "run append --output out --environment dokcer",
            "run append --output out --environment embedded --nodes 0",
            "run append --output out --environment embedded --nodes 99",
            "run append --output out --environment embedded --nodes -1",
            "run append --output out --environment embedded --nodes 5 --concurrency 4",
            "run append --output out --environment embedded --time nonsense",
            "run append --output out --environment embedded --time 3s --quiet 4s",
            "run append --output out --environment embedded --deadline 1ms",
            "run append --output out --environment embedded --rate -1",
            "run append --output out --environment embedded --faults cut,,loss",
            "run append --output out --environment embedded --rate NaN",
            "run append --output out --environment embedded --keys 0",
            "run append --output out --environment embedded --seed 18446744073709551615",
            "run append --output out --environment embedded --faults pause",
            "run append --output out --environment embedded --threshold p98<1s",
            "run append --output out --environment embedded --mutant forgetful",
            "run",
            "rum append",
        ],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn bad_scenario_files_are_answered_with_file_and_line() {
    let sandbox = Sandbox::new();
    let head = "workload = \"append\"\nenvironment = \"embedded\"\noutput = \"out\"\n";
    for (name, rest) in [
        ("misspelt.toml", "fault-intervall = \"2s\"\n"),
        ("out-of-range.toml", "\nnodes = 12\n"),
        ("no-such-value.toml", "faults = [\"cut\", \"latnecy\"]\n"),
        ("wrong-kind.toml", "nodes = \"three\"\n"),
        ("not-toml.toml", "nodes = = 3\n"),
        ("unable.toml", "faults = [\"pause\"]\n"),
    ] {
        sandbox.file(name, &format!("{head}{rest}"));
    }
    sandbox.file("no-workload.toml", "output = \"out\"\nenvironment = \"embedded\"\n");
    fs::write(sandbox.path("binary.toml"), [0xff, 0xfe, 0x00]).unwrap();
    let text = refusals(
        &sandbox,
        &[
            "run misspelt.toml",
            "run out-of-range.toml",
            "run no-such-value.toml",
            "run wrong-kind.toml",
            "run not-toml.toml",
            "run unable.toml",
            "run no-workload.toml",
            "run binary.toml",
            "run not-there.toml",
        ],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn bad_histories_are_answered_with_file_and_line() {
    let sandbox = Sandbox::new();
    let invoke = r#"{"index":0,"process":0,"type":"invoke","f":"write","key":"k","value":1}"#;
    let ok = r#"{"index":1,"process":0,"type":"ok","f":"write","key":"k","value":1}"#;
    sandbox.file("empty.jsonl", "");
    sandbox.file("malformed.jsonl", &format!("{invoke}\n{{\"index\":\n{ok}\n"));
    sandbox.file("no-type.jsonl", &format!("{invoke}\n{{\"index\":1,\"process\":0}}\n{ok}\n"));
    sandbox.file("good.jsonl", &format!("{invoke}\n{ok}\n"));
    sandbox.file("unpaired.jsonl", &format!("{ok}\n"));
    sandbox.file(
        "from-the-future.jsonl",
        "{\"format\":\"harness-history\",\"version\":99,\"model\":\"register\"}\n",
    );
    sandbox.file(
        "no-such-model.jsonl",
        "{\"format\":\"harness-history\",\"version\":1,\"model\":\"queue\"}\n",
    );
    fs::create_dir(sandbox.path("no-run")).unwrap();
    let text = refusals(
        &sandbox,
        &[
            "check missing.jsonl",
            "check no-run",
            "check empty.jsonl",
            "check malformed.jsonl --model register",
            "check no-type.jsonl --model register",
            "check unpaired.jsonl --model register",
            "check from-the-future.jsonl",
            "check no-such-model.jsonl",
            "check good.jsonl",
            "check good.jsonl --model registre",
            "check good.jsonl --model counter",
            "check good.jsonl --model register --initial zero",
            "check good.jsonl --model register --nil-read nothing",
            "check good.jsonl --model register --failed-cas ignore",
            "check",
            "report",
            "report missing",
            "report no-run",
        ],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn servers_cannot_be_had_where_there_is_no_redis() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("run append --environment process --output out");
    let ended = Ended(command.env("PATH", sandbox.path("tmp")).output().unwrap()).exits(64);
    insta::assert_snapshot!(ended.stderr(), @"harness: there is no redis-server on the PATH; install it (Debian: apt-get install redis-server) or use --environment embedded");
    assert!(!sandbox.path("out").exists());
}

#[test]
fn nothing_is_started_pulled_or_built_before_all_arguments_are_known_to_be_right() {
    let sandbox = Sandbox::with_redis();
    sandbox.file("a-file", "");
    // A daemon that is not there is told of as soon as it is asked for anything.
    let refused = |args: &str| {
        let output = if args.contains("--output") { "" } else { "--output out" };
        let args = format!("run append --environment docker {output} {args}");
        let mut command = sandbox.command(&args);
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        Ended(command.output().unwrap()).exits(64).stderr()
    };
    for (args, names) in [
        ("--nodes 0", "nodes: 0 is out of range"),
        ("--nodes 10", "nodes: 10 is out of range"),
        ("--keys 0", "keys: 0 is out of range"),
        ("--rate -1", "rate: -1 is out of range"),
        ("--time 2s --quiet 3s", "quiet: 3s is out of range"),
        ("--overlap 9", "overlap: 9 is out of range"),
        ("--deadline 1ms", "deadline: 1ms is out of range"),
        ("--concurrency 1", "concurrency: 1 is out of range"),
        ("--faults disk-full", "cannot do disk-full"),
        ("--faults wipe --nodes 2", "wipe needs at least 3 nodes"),
        ("--output a-file/runs", "a-file"),
        ("--output a-file", "a-file"),
        ("--output /proc/runs", "/proc"),
    ] {
        let said = refused(args);
        assert!(said.contains(names), "{args}: {said}");
        assert!(!said.contains("Docker does not answer"), "{args}: {said}");
    }
    // With everything right, it is asked for.
    let said = refused("");
    assert!(said.contains("Docker does not answer"), "{said}");
    assert!(!sandbox.path("out").exists());
}

#[test]
fn an_output_directory_that_cannot_be_written_is_the_users_and_told_once() {
    let sandbox = Sandbox::new();
    sandbox.file("a-file", "");
    for output in ["a-file", "a-file/deep/er", "/proc/runs"] {
        let args = format!("run append --environment embedded --output {output}");
        let said = sandbox.harness(&args).exits(64).stderr();
        assert_eq!(said.matches("os error").count(), 1, "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
