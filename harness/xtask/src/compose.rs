//! The README's lines about docker compose, run as they are written there.

mod lines;
mod project;

use crate::images::{self, Profile, binaries, pack};
use crate::programs::{install, installed, say};
use anyhow::{Context, bail};
use lines::{Line, lines};
use project::Project;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const TOXIPROXY: &str = "ghcr.io/shopify/toxiproxy:2.12.0";

/// Builds what is needed, and runs the lines.
pub(crate) fn compose() -> anyhow::Result<ExitCode> {
    images::build(Profile::Dev)?;
    run()?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the lines with the executables that cargo has built last.
pub(crate) fn run() -> anyhow::Result<()> {
    images::daemon()?;
    if !installed("curl") {
        install("curl", &["curl"])?;
    }
    let readme = Path::new(ROOT).join("README.md");
    let text = std::fs::read_to_string(&readme).with_context(|| readme.display().to_string())?;
    let lines = lines(&text).with_context(|| readme.display().to_string())?;
    images::redis()?;
    let own_proxy = images::id(TOXIPROXY).is_none() && !images::pull(TOXIPROXY);
    if own_proxy {
        say(&format!("{TOXIPROXY} cannot be had: the project's own proxy takes its place"))?;
    }
    let project = Project::new(ROOT.as_ref(), own_proxy)?;
    pack(project.image(), &binaries(Profile::Dev)?)?;
    for line in &lines {
        do_line(&project, line)?;
    }
    let left = project.left()?;
    if !left.is_empty() {
        bail!("left behind by the README's last line: {}", left.join(", "));
    }
    Ok(())
}

fn do_line(project: &Project, line: &Line) -> anyhow::Result<()> {
    say(&format!("$ {}", line.command))?;
    let began = Instant::now();
    let (success, said) = project.run(line)?;
    let expected = line.expected();
    if !success || !said.contains(&expected) {
        let wanted = if success { format!("without {expected:?}") } else { "failed".to_owned() };
        bail!("{}: {wanted}\n{said}\n{}", line.command, project.state());
    }
    say(&format!("  {expected} after {} ms", began.elapsed().as_millis()))?;
    Ok(())
}
