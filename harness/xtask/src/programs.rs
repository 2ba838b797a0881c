//! Programs that chores start, and how they get onto a Debian machine.

use anyhow::{Context, bail};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether the program is on the PATH.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Installs Debian packages for a program that is missing.
pub(crate) fn install(program: &str, packages: &[&str]) -> anyhow::Result<()> {
    if !installed("apt-get") {
        bail!("{program} is needed and not there; install it with this system's package manager");
    }
    let packages_shown = packages.join(" ");
    say(&format!("installing {packages_shown} for {program}"))?;
    let install = [&["apt-get", "install", "-y", "--no-install-recommends"], packages].concat();
    for arguments in [&["apt-get", "update"], install.as_slice()] {
        let mut command = as_root(arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command).with_context(|| format!("install {packages_shown} by hand"))?;
    }
    Ok(())
}

/// Cargo, as a user would call it. Cargo tells the programs that it runs about their own package in the
/// environment, and build scripts such as ring's run again when that has changed: handed on, it would
/// have each of the two callers build anew what the other has built.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_package(&name.to_string_lossy()))
    {
        cargo.env_remove(name);
    }
    cargo
}

/// Whether cargo sets this variable for the package that it runs.
fn is_of_package(variable: &str) -> bool {
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    prefixes.iter().any(|prefix| variable.starts_with(prefix))
        || ["CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR"].contains(&variable)
}

/// A command that needs root: as it is where this is root, and otherwise by way of sudo.
pub(crate) fn as_root(words: &[&str]) -> Command {
    let sudo = Path::new("/usr/bin/sudo").exists() && !is_root();
    let mut command = Command::new(if sudo { "sudo" } else { words[0] });
    command.args(if sudo { words } else { &words[1..] });
    command
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").output();
    asked.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs a command to its end, and is not content with anything but success.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot run {shown}"))?;
    if !status.success() {
        bail!("{shown} failed: {status}");
    }
    Ok(())
}

/// What a command prints on stdout, when it succeeds.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {shown}"))?;
    if !output.status.success() {
        bail!("{shown} failed: {}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command succeeds, whatever it prints.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// A line for whoever reads along.
pub(crate) fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_not_told_of_the_package_that_calls_it() {
        // Tests are run by cargo, as chores are.
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let cargo = cargo();
        let removed: Vec<_> = cargo.get_envs().filter(|(_, value)| value.is_none()).collect();
        for name in ["CARGO_PKG_NAME", "CARGO_PKG_VERSION", "CARGO_MANIFEST_DIR"] {
            assert!(removed.iter().any(|(removed, _)| *removed == name), "{name}: {removed:?}");
        }
        for name in
            ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "CARGO_NET_OFFLINE"]
        {
            assert!(!is_of_package(name), "{name} is the user's");
        }
    }
}
