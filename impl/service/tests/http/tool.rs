//! The binary: what it prints, and its exit codes.

use crate::running::Acceptors;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

pub(crate) fn gryadka(acceptors: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gryadka"));
    command
        .env("GRYADKA_ACCEPTORS", acceptors)
        .env_remove("GRYADKA_ROUTES")
        .env_remove("GRYADKA_TOKEN")
        .env_remove("GRYADKA_ADMIN_TOKEN")
        .env_remove("GRYADKA_ACCEPTOR_USER")
        .env_remove("GRYADKA_ACCEPTOR_PASSWORD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs `gryadka` with these words and this on stdin.
fn run(acceptors: &Acceptors, words: &str, input: &[u8]) -> Output {
    let mut child = gryadka(&acceptors.urls().join(",")).args(words.split(' ')).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// Three acceptors that are a cluster.
async fn cluster() -> Acceptors {
    let acceptors = Acceptors::three();
    drop(acceptors.join().await);
    acceptors
}

/// What is typed, what is on stdin, the exit code, stdout, stderr. `{}` is the version that was
/// written last; one that is written is greater.
#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_has_its_exit_code() {
    let acceptors = cluster().await;
    let mut version: u64 = 0;
    for (words, input, code, stdout, stderr) in [
        ("get k", &b""[..], 1, &b""[..], "the key has no value"),
        ("get k --json", b"", 1, b"{\"version\":null}\n", ""),
        ("cas k --version 1 x", b"", 1, b"", "the key has no value"),
        ("set k -", b"\0\xff", 0, b"", "version {new}"),
        ("get k", b"", 0, b"\0\xff", "version {}"),
        ("get k --json", b"", 0, b"{\"version\":{},\"hex\":\"00ff\"}\n", ""),
        ("cas k --absent two", b"", 1, b"", "the value has version {}"),
        ("cas k --version {} two", b"", 0, b"", "version {new}"),
        ("get k --json", b"", 0, b"{\"version\":{},\"value\":\"two\"}\n", ""),
        ("delete k --version 1", b"", 1, b"", "the value has version {}"),
        ("delete k", b"", 0, b"", "version {new}"),
        ("delete k", b"", 1, b"", "the key has no value"),
        ("cas k --absent four", b"", 0, b"", "version {new}"),
    ] {
        let filled = |text: &str| text.replace("{}", &version.to_string());
        let output = run(&acceptors, &filled(words), input);
        let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        let shown = match std::str::from_utf8(stdout) {
            Ok(text) => filled(text).into_bytes(),
            Err(_) => stdout.to_vec(),
        };
        assert_eq!((output.status.code(), &output.stdout), (Some(code), &shown), "{words}");
        if stderr.ends_with("{new}") {
            let written = said.strip_prefix("version ").unwrap().parse().unwrap();
            assert!(written > version, "{words}: {said} after {version}");
            version = written;
        } else {
            assert_eq!(said, filled(stderr), "{words}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_says_why() {
    let mut acceptors = Acceptors::three();
    for (words, code) in [
        ("get k", 3),
        ("init", 64),
        ("cluster init", 0),
        ("get", 64),
        ("frobnicate", 64),
        ("get k --acceptors nonsense", 64),
        ("get k --acceptors redis://h:1,redis://h:1", 64),
        ("get k --tls-roots /nonexistent", 70),
        ("get k --route nonsense", 64),
        ("ready 127.0.0.1:1", 3),
        ("cluster shrink 7", 64),
        ("cluster grow native://127.0.0.1:1", 3),
        ("cluster grow nonsense", 64),
        ("cluster release nonsense", 64),
        ("cluster release native://127.0.0.1:1", 3),
        ("get k --acceptor-user u", 64),
        ("get k --acceptor-password-file /nonexistent", 70),
        ("serve --max-bodies 100", 64),
        ("bench --loops 0", 64),
        ("serve --listen 0.0.0.0:0", 64),
        ("serve --token-file /nonexistent", 70),
        ("set k --file /nonexistent", 70),
        ("--help", 0),
    ] {
        let output = run(&acceptors, words, b"");
        assert_eq!(output.status.code(), Some(code), "{words}");
        assert!(!output.stderr.is_empty() || !output.stdout.is_empty(), "{words}");
    }
    acceptors.stop(0);
    acceptors.stop(1);
    let output = run(&acceptors, "set k v --timeout 200ms", b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = if said.contains("not applied") { 3 } else { 2 };
    assert_eq!(output.status.code(), Some(expected), "{said}");
    assert!(said.contains("applied"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_ends_well_on_sigterm_and_sigint() {
    let acceptors = Acceptors::three();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let words = ["serve", "--init", "--listen", "127.0.0.1:0"];
        let mut child = gryadka(&acceptors.urls().join(",")).args(words).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().starts_with("gryadka: listening on 127.0.0.1:"));
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

/// The whole life of a cluster, from the command line.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_made_and_changed() {
    let mut acceptors = Acceptors::three();
    let first = acceptors.urls().join(",");
    let fourth = acceptors.add();
    let ports: Vec<_> =
        acceptors.urls().iter().map(|url| url.rsplit(':').next().unwrap().to_owned()).collect();
    let gryadka = |words: &str| {
        let output = gryadka(&first).args(words.split(' ')).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let mut said = format!("$ gryadka {words}\n{}{}", text(output.stderr), text(output.stdout));
        for (port, number) in ports.iter().zip(1..) {
            said = said.replace(port, &number.to_string());
        }
        said
    };
    let mut said = String::new();
    for words in ["cluster init --json", "set k v --json", "delete k --json"] {
        gryadka(words);
    }
    for words in [
        "cluster collect",
        &format!("cluster grow {fourth}"),
        "cluster rescan",
        "cluster shrink 1 2 --json",
        "cluster resume",
        "cluster cancel",
        "cluster shrink 3 4",
    ] {
        said.push_str(&gryadka(words));
    }
    insta::assert_snapshot!(said);
    let status = gryadka("cluster status");
    let rows: Vec<_> = status
        .lines()
        .map(|row| row.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(rows[4..], ["3 votes 4", "4 votes 4"]);
    assert!(status.contains(", epoch 4, rescan complete\n"), "{status}");
}

#[test]
fn the_benchmark_prints_its_report_and_writes_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.json");
    let words = "bench --loops 2 --keys 2 --acceptors 1 --slice 50ms --rounds 1 --json";
    let output = gryadka("").args(words.split(' ')).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("loops 2/2"), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(report["cases"].as_array().unwrap().iter().any(|case| case["name"] == "loops 2/2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_collects_what_was_deleted_by_itself() {
    let acceptors = Acceptors::three();
    let words = ["serve", "--init", "--listen", "127.0.0.1:0", "--collect-every", "10ms"];
    let mut child = gryadka(&acceptors.urls().join(",")).args(words).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("gryadka: listening on"));
    assert_eq!(run(&acceptors, "set k v", b"").status.code(), Some(0));
    assert_eq!(run(&acceptors, "delete k", b"").status.code(), Some(0));
    while acceptors.registers() != [0, 0, 0] {
        assert!(child.try_wait().unwrap().is_none());
        tokio::task::yield_now().await;
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
