//! What each chore runs.

use anyhow::{Context, bail};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Programs that the tests start, each with the Debian package that brings it.
const NEEDED: &[(&str, &str)] = &[("redis-server", "redis-server"), ("setpriv", "util-linux")];

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
            install(program, package)?;
        }
    }
    if !makes_environments()? {
        install("python3 -m venv", "python3-venv")?;
    }
    let mut failed = Vec::new();
    for (name, arguments) in CHECKS {
        say(&format!("── {name}: cargo {}", arguments.join(" ")))?;
        let mut command = Command::new(env!("CARGO"));
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
    if failed.is_empty() {
        say("all checks passed")?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("failed: {}", failed.join(", ")))?;
    Ok(ExitCode::FAILURE)
}

/// Debian's Python comes without what makes virtual environments.
fn makes_environments() -> anyhow::Result<bool> {
    if !installed("python3") {
        return Ok(false);
    }
    let mut python = Command::new("python3");
    Ok(python.args(["-c", "import ensurepip, venv"]).status()?.success())
}

fn passes(name: &str, command: &mut Command) -> anyhow::Result<bool> {
    let began = Instant::now();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    let word = if status.success() { "passed" } else { "FAILED" };
    say(&format!("── {name} {word} after {} s", began.elapsed().as_secs()))?;
    Ok(status.success())
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn install(program: &str, package: &str) -> anyhow::Result<()> {
    if !installed("apt-get") {
        bail!("{program} is needed and not there; install it with this system's package manager");
    }
    say(&format!("installing {package} for {program}"))?;
    let sudo: &[&str] = if Path::new("/usr/bin/sudo").exists() { &["sudo"] } else { &[] };
    for arguments in [
        &["apt-get", "update"][..],
        &["apt-get", "install", "-y", "--no-install-recommends", package],
    ] {
        let words: Vec<&str> = sudo.iter().chain(arguments).copied().collect();
        let status = Command::new(words[0])
            .args(&words[1..])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()
            .with_context(|| format!("cannot run {}", words.join(" ")))?;
        if !status.success() {
            bail!("{} failed: install {package} by hand", words.join(" "));
        }
    }
    Ok(())
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
