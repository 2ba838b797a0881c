//! The binary: what it prints, and its exit codes.

use crate::running::Acceptors;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

fn gryadka(acceptors: &Acceptors) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gryadka"));
    command
        .env("GRYADKA_ACCEPTORS", acceptors.urls().join(","))
        .env_remove("GRYADKA_TOKEN")
        .env_remove("GRYADKA_ADMIN_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs `gryadka` with these words and this on stdin.
fn run(acceptors: &Acceptors, words: &str, input: &[u8]) -> Output {
    let mut child = gryadka(acceptors).args(words.split(' ')).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// What is typed, what is on stdin, the exit code, stdout, stderr.
#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_has_its_exit_code() {
    let acceptors = Acceptors::three();
    for (words, input, code, stdout, stderr) in [
        ("get k", &b""[..], 1, &b""[..], "the key has no value\n"),
        ("get k --json", b"", 1, b"{\"version\":null}\n", ""),
        ("cas k --version 1 x", b"", 1, b"", "the key has no value\n"),
        ("set k -", b"\0\xff", 0, b"", "version 1\n"),
        ("get k", b"", 0, b"\0\xff", "version 1\n"),
        ("get k --json", b"", 0, b"{\"version\":1,\"hex\":\"00ff\"}\n", ""),
        ("cas k --absent two", b"", 1, b"", "the value has version 1\n"),
        ("cas k --version 1 two --json", b"", 0, b"{\"version\":2}\n", ""),
        ("get k --json", b"", 0, b"{\"version\":2,\"value\":\"two\"}\n", ""),
        ("delete k --version 1", b"", 1, b"", "the value has version 2\n"),
        ("delete k", b"", 0, b"", "version 3\n"),
        ("delete k", b"", 1, b"", "the key has no value\n"),
        ("cas k --absent four", b"", 0, b"", "version 4\n"),
    ] {
        let output = run(&acceptors, words, input);
        assert_eq!(String::from_utf8_lossy(&output.stderr), stderr, "{words}");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(code), stdout), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_says_why() {
    let mut acceptors = Acceptors::three();
    for (words, code) in [
        ("get", 64),
        ("frobnicate", 64),
        ("get k --acceptors nonsense", 64),
        ("get k --acceptors redis://h:1,redis://h:1", 64),
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
async fn a_service_ends_well_when_told_to() {
    let acceptors = Acceptors::three();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut child =
            gryadka(&acceptors).args(["serve", "--listen", "127.0.0.1:0"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().starts_with("gryadka: listening on 127.0.0.1:"));
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
