//! Commands that start nothing.

use crate::support::Sandbox;
use std::io::Read;
use std::process::Stdio;

#[test]
fn list_help_and_version_answer_on_stdout() {
    let sandbox = Sandbox::new();
    for (args, shows) in [
        ("list", "lossy-append"),
        ("--help", "Exit codes: 0 valid"),
        ("help run", "--fault-interval"),
        ("run --help", "--fault-interval"),
        ("check --help", "--nil-read"),
        ("--version", concat!("harness ", env!("CARGO_PKG_VERSION"))),
    ] {
        let ended = sandbox.harness(args).exits(0);
        assert!(ended.stdout().contains(shows), "{args}: {}", ended.stdout());
        assert_eq!(ended.stderr(), "", "{args}");
    }
}

#[test]
fn without_a_command_it_says_what_there_is() {
    let ended = Sandbox::new().harness("").exits(64);
    assert_eq!(ended.stdout(), "");
    let stderr = ended.stderr();
    for command in ["run", "check", "report", "list"] {
        assert!(stderr.contains(&format!("\n  {command} ")), "{stderr}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let sandbox = Sandbox::new();
    for args in ["list", "--help", "--version"] {
        let mut command = sandbox.command(args);
        // The pipe is closed before anything can have been written to it.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((stderr.as_str(), child.wait().unwrap().code()), ("", Some(0)), "{args}");
    }
}
