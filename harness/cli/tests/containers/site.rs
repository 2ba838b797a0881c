//! A sandbox with journals of its own, and what Docker has of the run that takes place in it.

use crate::support::{Ended, Running, Sandbox, wait_until};
use std::fs;
use std::process::{Command, Output, Stdio};

/// What all runs here have in common.
const RUN: &str = "run cas-register --environment docker --output out";

/// A sandbox for runs in containers. Whatever they leave is removed with it.
pub(crate) struct Site {
    pub(crate) sandbox: Sandbox,
    image: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let answers = docker(&["version"]);
        assert!(
            answers.status.success(),
            "these tests need Docker: install docker.io, start its daemon, be in its group"
        );
        Self { sandbox: Sandbox::new(), image: redis() }
    }

    /// The acceptors' image.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }

    /// The image of the harness's own executable, as the latest run has used it for its links.
    pub(crate) fn own_image(&self) -> String {
        let versions = &self.sandbox.latest().json("metadata.json")["versions"];
        versions["image of the links"].as_str().unwrap().to_owned()
    }

    /// The harness with these arguments.
    pub(crate) fn command(&self, args: &str) -> Command {
        self.sandbox.command(args)
    }

    pub(crate) fn harness(&self, args: &str) -> Ended {
        self.sandbox.harness(args)
    }

    fn run_command(&self, args: &str) -> Command {
        self.command(&format!("{RUN} --image {} --toxiproxy-image own {args}", self.image))
    }

    /// Runs in containers, to its end.
    pub(crate) fn run(&self, args: &str) -> Ended {
        Ended(self.run_command(args).output().unwrap())
    }

    /// Starts a run in containers.
    pub(crate) fn start(&self, args: &str) -> Running {
        let mut command = self.run_command(args);
        Running::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The ids of the runs that have a journal.
    pub(crate) fn runs(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.sandbox.path("state/gryadka-harness")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned)).collect()
    }

    /// Waits until the one run of this sandbox has so many containers running, and answers its id.
    pub(crate) fn wait_for_containers(&self, count: usize) -> String {
        wait_until("a journal", || self.runs().len() == 1);
        let run = self.runs().remove(0);
        wait_until(&format!("at least {count} containers"), || running(&run) >= count);
        run
    }

    /// Waits until the history has so many lines.
    pub(crate) fn wait_for_calls(&self, count: usize) {
        wait_until("calls", || {
            let run = self.sandbox.latest();
            run.path("history.jsonl").is_file() && run.lines("history.jsonl").len() > count
        });
    }

    /// Asserts that nothing is left of any run of this sandbox.
    #[track_caller]
    pub(crate) fn is_clean(&self, run: &str) {
        assert_eq!(things(run), Vec::<String>::new());
        assert_eq!(self.runs(), Vec::<String>::new());
        assert_eq!(self.sandbox.servers(), Vec::<u32>::new());
    }
}

/// A test that fails must not leave its containers.
impl Drop for Site {
    fn drop(&mut self) {
        for run in self.runs() {
            drop(self.command(&format!("heal --run {run}")).output());
        }
    }
}

/// An image of Redis that is on this machine.
fn redis() -> String {
    let is_there = |image: &&str| docker(&["image", "inspect", image]).status.success();
    let image = ["redis:8", "redis:7.0"].into_iter().find(is_there);
    image.expect("these tests need the image redis:8: cargo xtask images").to_owned()
}

pub(crate) fn docker(args: &[&str]) -> Output {
    Command::new("docker").args(args).output().expect("these tests need the docker command")
}

fn lines(args: &[&str]) -> Vec<String> {
    let text = String::from_utf8(docker(args).stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// How many containers of a run are running.
pub(crate) fn running(run: &str) -> usize {
    lines(&["ps", "--filter", &format!("label=gryadka.harness.run={run}"), "--quiet"]).len()
}

/// The names of everything that carries a run's label.
pub(crate) fn things(run: &str) -> Vec<String> {
    let label = format!("label=gryadka.harness.run={run}");
    let mut all = lines(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"]);
    all.extend(lines(&["network", "ls", "--filter", &label, "--format", "{{.Name}}"]));
    all.sort();
    all
}

/// The names of everything that a run of so many nodes has.
pub(crate) fn everything(run: &str, nodes: u32) -> Vec<String> {
    let mut all = vec![format!("harness-{run}"), format!("harness-{run}-toxiproxy")];
    all.extend((1..=nodes).map(|node| format!("harness-{run}-a{node}")));
    all.sort();
    all
}
