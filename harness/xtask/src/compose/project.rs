//! A project of docker compose's that disturbs no other: with a name of its own, and all ports on a
//! loopback address of its own.

use super::lines::Line;
use crate::images::{self, Profile, binaries};
use crate::programs::{install, installed, output, succeeds};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long services may take to become ready, where compose does not wait for them.
const PATIENCE: Duration = Duration::from_secs(90);
/// What people are told to build the harness with.
const CARGO_RUN: &str = "cargo run --release -p harness --";

/// The project. Whatever is left of it goes when it is dropped.
pub(super) struct Project {
    root: PathBuf,
    name: String,
    image: String,
    /// Compose files, with colons between.
    files: &'static str,
    address: String,
    /// Whether compose is docker's plugin, and not the program of before.
    plugin: bool,
    harness: PathBuf,
    runs: PathBuf,
}

impl Project {
    pub(super) fn new(root: &Path, own_proxy: bool) -> anyhow::Result<Self> {
        let plugin = succeeds(Command::new("docker").args(["compose", "version"]));
        if !plugin && !installed("docker-compose") {
            install("docker compose", &["docker-compose"])?;
        }
        let id = std::process::id();
        let binaries = binaries(Profile::Dev)?;
        let harness = binaries.iter().find(|path| path.ends_with("harness"));
        Ok(Self {
            root: root.to_owned(),
            name: format!("gryadka-xtask-{id}"),
            image: format!("gryadka-xtask:{id}"),
            files: if own_proxy {
                "docker-compose.yml:docker-compose.own-proxy.yml"
            } else {
                "docker-compose.yml"
            },
            // All of 127.0.0.0/8 is loopback on Linux.
            address: format!("127.{}.{}.{}", 64 + (id >> 16) % 64, (id >> 8) % 256, id % 254 + 1),
            plugin,
            harness: harness.context("there is no harness")?.clone(),
            runs: images::target()?.join(format!("compose-runs-{id}")),
        })
    }

    /// The image of the services.
    pub(super) fn image(&self) -> &str {
        &self.image
    }

    /// Runs a line. Whether it has succeeded, and what it has said.
    pub(super) fn run(&self, line: &Line) -> anyhow::Result<(bool, String)> {
        let output = self.shell(&self.here(&line.command)).output().context("cannot run sh")?;
        let said = [output.stdout, output.stderr].concat();
        if line.command.contains("--wait") && !self.plugin {
            self.wait()?;
        }
        Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }

    /// What is to be typed in this place instead of what is written.
    fn here(&self, command: &str) -> String {
        let command = command.replace("localhost", &self.address);
        let with_output =
            format!("{} run --output {}", self.harness.display(), self.runs.display());
        let command = command.replace(&format!("{CARGO_RUN} run"), &with_output);
        if self.plugin {
            return command;
        }
        let command = command.replace("docker compose exec", "docker-compose exec -T");
        command.replace("docker compose", "docker-compose").replace(" --wait", "")
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .current_dir(&self.root)
            .env("COMPOSE_PROJECT_NAME", &self.name)
            .env("COMPOSE_FILE", self.files)
            .env("GRYADKA_IMAGE", &self.image)
            .env("BIND", &self.address);
        shell
    }

    fn wait(&self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !succeeds(&mut self.shell("docker-compose exec -T p2 gryadka ready")) {
            if Instant::now() > until {
                bail!("p2 did not become ready\n{}", self.state());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// How everything is, for whoever looks for what went wrong.
    pub(super) fn state(&self) -> String {
        let said =
            self.shell(&self.here("docker compose ps; docker compose logs --tail 20")).output();
        said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    /// Names of what is still there of the project.
    pub(super) fn left(&self) -> anyhow::Result<Vec<String>> {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        let mut left = Vec::new();
        for words in [
            &["ps", "--all", "--quiet"][..],
            &["network", "ls", "--quiet"],
            &["volume", "ls", "--quiet"],
        ] {
            let mut list = Command::new("docker");
            let listed = output(list.args(words).args(["--filter", &filter]))?;
            left.extend(listed.lines().map(|id| format!("{} {id}", words[0])));
        }
        Ok(left)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        succeeds(&mut self.shell(&self.here("docker compose down --volumes --remove-orphans")));
        succeeds(Command::new("docker").args(["image", "rm", &self.image]));
        drop(std::fs::remove_dir_all(&self.runs));
    }
}
