//! Calls the binary in a directory of its own, and looks at what it does to the machine.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Waiting for something that must happen ends here, so that a test that fails does end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is demanded of every run with faults.
const ALL_INJECTED: &str = "every planned fault is injected";

/// How the demands begin that take time which late faults may have taken.
const LATE: [&str; 2] = ["progress ", "every node reads every cold key after the faults"];

/// A directory to run in. Everything that the harness makes, temporary files of its servers
/// included, lies within, so that nothing of another run is ever looked at.
pub(crate) struct Sandbox(TempDir);

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = Self(TempDir::with_prefix("harness-test-").unwrap());
        fs::create_dir(sandbox.path("tmp")).unwrap();
        sandbox
    }

    /// One in which servers can be started.
    pub(crate) fn with_redis() -> Self {
        let found = Command::new("redis-server").arg("--version").output();
        assert!(found.is_ok(), "these tests start real servers: install redis-server");
        Self::new()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// The directory of the latest run, which the tests let lie in `out`.
    pub(crate) fn latest(&self) -> RunFiles {
        RunFiles(self.path("out/latest"))
    }

    /// The harness with these arguments, which are split at blanks.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command
            .args(args.split_whitespace())
            .current_dir(self.0.path())
            .env("TMPDIR", self.path("tmp"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env_remove("HARNESS_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn harness(&self, args: &str) -> Ended {
        Ended(self.command(args).output().unwrap())
    }

    /// Starts it, and leaves it to the test to end it.
    pub(crate) fn start(&self, args: &str) -> Running {
        let mut command = self.command(args);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running::of(child)
    }

    /// The processes of this sandbox's servers: those that live in its directory, or name it. A
    /// server writes over its own command line, but stays where its data lies.
    pub(crate) fn servers(&self) -> Vec<u32> {
        let tmp = self.path("tmp");
        let is_server = |pid: &u32| {
            let process = PathBuf::from(format!("/proc/{pid}"));
            let at = fs::read_link(process.join("cwd")).unwrap_or_default();
            let line = fs::read(process.join("cmdline")).unwrap_or_default();
            at.starts_with(&tmp) || String::from_utf8_lossy(&line).contains(tmp.to_str().unwrap())
        };
        let entries = fs::read_dir("/proc").unwrap();
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(is_server).collect()
    }

    /// Waits until there are this many servers.
    pub(crate) fn wait_for_servers(&self, count: usize) {
        wait_until(&format!("{count} servers"), || self.servers().len() == count);
    }

    /// Text with what differs from one test run to the next taken out.
    pub(crate) fn redacted(&self, text: &str) -> String {
        text.replace(self.0.path().to_str().unwrap(), "[dir]")
    }
}

/// A test that fails because servers live on must not let them.
impl Drop for Sandbox {
    fn drop(&mut self) {
        for pid in self.servers() {
            // It may have ended meanwhile, which is as well.
            kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).ok();
        }
    }
}

/// Waits until something holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A harness under way. It is killed if the test gives up on it.
pub(crate) struct Running(Option<Child>);

impl Running {
    /// Takes care of one that a test started by itself.
    pub(crate) fn of(child: Child) -> Self {
        Self(Some(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().try_into().unwrap()), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        Ended(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// What a harness that has ended had to say.
#[derive(Debug)]
pub(crate) struct Ended(pub(crate) Output);

impl Ended {
    /// The exit code; none after a signal.
    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// What it printed, read as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap()
    }

    /// Asserts the exit code, and shows everything that was said if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        let (stdout, stderr) = (self.stdout(), self.stderr());
        assert_eq!(self.code(), Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// Asserts that it came to a verdict of whatever kind.
    #[track_caller]
    pub(crate) fn exits_with_a_verdict(self) -> Self {
        let stderr = self.stderr();
        assert!(self.code().is_some_and(|code| code <= 4), "{:?}\n{stderr}", self.code());
        self
    }
}

/// The files of a run.
pub(crate) struct RunFiles(PathBuf);

impl RunFiles {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap()
    }

    /// The whole lines of a file of JSON lines.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asserts that no violation was found, and that every fault that was injected was verified: `least` of them at least. True when all that were planned were injected: on a
    /// slow machine they begin late, and the last ones, or the calls after them, find no time.
    #[track_caller]
    pub(crate) fn faults_are_proved(&self, ended: &Ended, least: usize) -> bool {
        let said = format!("stdout:\n{}\nstderr:\n{}", ended.stdout(), ended.stderr());
        assert!(matches!(ended.code(), Some(0 | 3)), "{:?}\n{said}", ended.code());
        let unmet = self.unmet();
        assert_eq!(ended.code() == Some(0), unmet.is_empty(), "{unmet:?}\n{said}");
        let of_time =
            |demand: &String| demand == ALL_INJECTED || LATE.iter().any(|d| demand.starts_with(d));
        assert!(unmet.iter().all(of_time), "{unmet:?}\n{said}");

        let events = self.lines("faults.jsonl");
        let of = |stage: &str| -> BTreeSet<u64> {
            let events = events.iter().filter(|event| event["stage"] == stage);
            events.map(|event| event["fault"].as_u64().unwrap()).collect()
        };
        let injected = of("injected");
        for (stage, expected) in [
            ("held", &injected),
            ("gone", &injected),
            ("did-not-hold", &BTreeSet::new()),
            ("not-undone", &BTreeSet::new()),
        ] {
            assert_eq!(&of(stage), expected, "{stage}\n{}", self.text("faults.jsonl"));
        }
        assert!(injected.len() >= least, "{} of {least} at least\n{said}", injected.len());
        !unmet.iter().any(|demand| demand == ALL_INJECTED)
    }

    /// What was demanded of the run and did not happen.
    fn unmet(&self) -> Vec<String> {
        let results = self.json("results.json");
        let conditions = results["conditions"].as_array().unwrap().iter();
        let unmet = conditions.filter(|condition| condition["met"] == false);
        unmet.map(|condition| condition["demand"].as_str().unwrap().to_owned()).collect()
    }

    /// Asserts that everything lies there that belongs to a run.
    pub(crate) fn are_complete(&self) {
        for name in [
            "scenario.toml",
            "history.jsonl",
            "results.json",
            "report.html",
            "junit.xml",
            "metadata.json",
        ] {
            assert!(is_filled(&self.path(name)), "{name} is missing or empty");
        }
    }
}

fn is_filled(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > 0)
}
