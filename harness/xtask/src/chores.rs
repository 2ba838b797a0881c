//! What each chore runs.

use crate::programs::{cargo, install, installed, say, succeeds};
use crate::{compose, images};
use anyhow::Context;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Programs that the tests start, each with the Debian package that brings it.
const NEEDED: &[(&str, &str)] =
    &[("redis-server", "redis-server"), ("setpriv", "util-linux"), ("pkg-config", "pkg-config")];

/// What the foreign client of our proxy is linked with.
const OPENSSL: &str = "libssl-dev";

/// Sends the service what its own description allows, and more.
const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../impl/service/fuzz/gate");

/// The checks, in order: the cheap ones first.
const CHECKS: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    (
        "clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    ),
    ("tests", &["test", "--workspace", "--all-features", "--locked"]),
    (
        "documentation",
        &[
            "doc",
            "--workspace",
            "--all-features",
            "--no-deps",
            "--document-private-items",
            "--locked",
        ],
    ),
];

/// Installs what is missing and runs every check. All of them run, so that one failure does not
/// hide the next.
pub(crate) fn test() -> anyhow::Result<ExitCode> {
    for (program, package) in NEEDED {
        if !installed(program) {
            install(program, &[package])?;
        }
    }
    if !makes_environments() {
        install("python3 -m venv", &["python3", "python3-venv"])?;
    }
    if !succeeds(Command::new("pkg-config").args(["--exists", "openssl"])) {
        install("openssl", &[OPENSSL])?;
    }
    // Containers are part of what is tested: without them nothing is passed over, and all is refused.
    images::daemon()?;
    images::redis()?;
    let mut failed = Vec::new();
    for (name, arguments) in CHECKS {
        say(&format!("── {name}: cargo {}", arguments.join(" ")))?;
        let mut command = cargo();
        // Warnings of rustdoc are errors; snapshots are compared, never written.
        command.args(*arguments).env("RUSTDOCFLAGS", "-D warnings").env("INSTA_UPDATE", "no");
        if !passes(name, &mut command)? {
            failed.push(*name);
        }
    }
    say("── fuzz: impl/service/fuzz/gate")?;
    if !passes("fuzz", &mut Command::new(FUZZ))? {
        failed.push("fuzz");
    }
    say("── compose: the README's lines")?;
    let began = Instant::now();
    let composed = compose::run();
    if let Err(error) = &composed {
        say(&format!("{error:#}"))?;
    }
    if !tell("compose", composed.is_ok(), began)? {
        failed.push("compose");
    }
    if failed.is_empty() {
        say("all checks passed")?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("failed: {}", failed.join(", ")))?;
    Ok(ExitCode::FAILURE)
}

/// Debian's Python comes without what makes virtual environments.
fn makes_environments() -> bool {
    installed("python3") && succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]))
}

fn passes(name: &str, command: &mut Command) -> anyhow::Result<bool> {
    let began = Instant::now();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    tell(name, status.success(), began)
}

fn tell(name: &str, passed: bool, began: Instant) -> anyhow::Result<bool> {
    let word = if passed { "passed" } else { "FAILED" };
    say(&format!("── {name} {word} after {} s", began.elapsed().as_secs()))?;
    Ok(passed)
}
