//! The container images that the project uses: had from a registry where one is reached, and made here
//! otherwise. An image that is there is never replaced.

mod executables;
mod redis;

pub(crate) use executables::{Profile, binaries, build, pack};

use crate::programs::{install, installed, output, say, succeeds};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The project's own image: the service, the tool and the harness.
const OWN: &str = concat!("gryadka:", env!("CARGO_PKG_VERSION"));

/// How an image comes to be when no registry has it.
#[derive(Clone, Copy)]
enum Recipe {
    /// Redis as Debian has it.
    Redis,
    /// The project's executables, and nothing else.
    Own,
}

/// Every image, by its ordinary name. Others' software is never put under its maker's name unless it
/// is that software: so there is no stand-in for Toxiproxy's image here.
const IMAGES: &[(&str, Recipe)] = &[(redis::IMAGE, Recipe::Redis), (OWN, Recipe::Own)];

/// Says which images are there. Fails when one is missing.
pub(crate) fn check(names: &[&str]) -> anyhow::Result<ExitCode> {
    daemon()?;
    let mut missing = false;
    for (name, _) in chosen(names)? {
        match id(name) {
            Some(id) => say(&format!("{name} is there: {id}"))?,
            None => {
                missing = true;
                say(&format!("{name} is missing"))?;
            }
        }
    }
    Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Gets or makes every image that is missing.
pub(crate) fn make(names: &[&str], profile: Profile) -> anyhow::Result<ExitCode> {
    daemon()?;
    for (name, recipe) in chosen(names)? {
        if let Some(id) = id(name) {
            say(&format!("{name} is there already and stays as it is: {id}"))?;
            continue;
        }
        match recipe {
            Recipe::Redis => redis::get(name)?,
            Recipe::Own => {
                say(&format!("{name}: built by cargo, and packed with the libraries it needs"))?;
                pack(name, &build(profile)?)?;
            }
        }
        say(&format!("{name} is made: {}", id(name).unwrap_or_default()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Redis' image, had or made where it is missing.
pub(crate) fn redis() -> anyhow::Result<()> {
    make(&[redis::IMAGE], Profile::Dev).map(drop)
}

fn chosen(names: &[&str]) -> anyhow::Result<Vec<(&'static str, Recipe)>> {
    let known = |name: &str| IMAGES.iter().any(|(known, _)| *known == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let known: Vec<_> = IMAGES.iter().map(|(name, _)| *name).collect();
        bail!("no image {unknown:?} is made here; these are: {}", known.join(", "));
    }
    let wanted = |(name, _): &&(&str, Recipe)| names.is_empty() || names.contains(name);
    Ok(IMAGES.iter().filter(wanted).copied().collect())
}

/// Checks that there is a Docker daemon.
pub(crate) fn daemon() -> anyhow::Result<()> {
    if !installed("docker") {
        install("docker", &["docker.io"])?;
    }
    let asked = output(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]));
    asked.map(drop).context("there is no Docker daemon to be reached: start it (systemctl start docker), or join the group docker")
}

/// The image's id, if it is there.
pub(crate) fn id(name: &str) -> Option<String> {
    let mut inspect = Command::new("docker");
    inspect.args(["image", "inspect", "--format", "{{.Id}}", name]);
    let found = inspect.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&found.stdout).trim().to_owned())
}

/// Whether the image could be had from its registry.
pub(crate) fn pull(name: &str) -> bool {
    succeeds(Command::new("docker").args(["pull", "--quiet", name]))
}

/// The directory that cargo builds in: this program lies in it.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2).context("no directory above the executable")?;
    Ok(target.to_owned())
}

/// A directory below cargo's for one image's files, empty.
fn workshop(name: &str) -> anyhow::Result<PathBuf> {
    let directory = format!("{}-{}", name.replace([':', '/'], "-"), std::process::id());
    let directory = target()?.join("images").join(directory);
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}
