//! What each chore runs.

use anyhow::{Context, bail};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Programs that the tests start, each with the Debian package that brings it.
const NEEDED: &[(&str, &str)] = &[("redis-server", "redis-server"), ("setpriv", "util-linux")];

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
    let mut failed = Vec::new();
    for (name, arguments) in CHECKS {
        say(&format!("── {name}: cargo {}", arguments.join(" ")))?;
        let began = Instant::now();
        let status = Command::new(env!("CARGO"))
            .args(*arguments)
            // Warnings of rustdoc are errors; snapshots are compared, never written.
            .env("RUSTDOCFLAGS", "-D warnings")
            .env("INSTA_UPDATE", "no")
            .status()
            .with_context(|| format!("cannot run cargo for {name}"))?;
        let word = if status.success() { "passed" } else { "FAILED" };
        say(&format!("── {name} {word} after {} s", began.elapsed().as_secs()))?;
        if !status.success() {
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        say("all checks passed")?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("failed: {}", failed.join(", ")))?;
    Ok(ExitCode::FAILURE)
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
