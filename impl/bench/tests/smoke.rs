//! The whole benchmark, in very short turns, over real servers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use clap::Parser;
use gryadka_bench::{BenchError, Options, Report, run};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn bench(words: &str) -> Result<Report, BenchError> {
    let words = ["bench"].into_iter().chain(words.split_whitespace());
    run(&Arguments::try_parse_from(words).unwrap().options)
}

#[test]
fn the_figures_are_all_there_and_so_is_what_is_wanted() {
    let report = bench("--profile figures --slice 60ms --rounds 2").unwrap();
    let names: Vec<_> = report.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "raw accept",
            "raw SET",
            "bare fan-out",
            "changes 1/1",
            "changes 64/64",
            "changes 512/512",
            "contention 2×32/1",
            "reads 64/64",
            "mixed 64/64",
        ]
    );
    for case in &report.cases {
        assert!(case.outcomes.ok > 0, "{case:?}");
        assert_eq!(case.rounds_per_second.len(), 2, "{case:?}");
        let cost = case.cost.unwrap();
        assert!(cost.cpu_us >= cost.server_cpu_us, "{case:?}");
        assert_eq!(cost.script_us.is_some(), case.name != "raw SET", "{case:?}");
    }
    let raw = report.cases[0].cost.unwrap();
    assert_eq!(raw.per_script.map(f64::round), Some(1.0), "a raw accept is one register a call");
    assert!(report.targets.len() >= 7, "{:?}", report.targets);
    let json: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(json["cases"][3]["name"], "changes 1/1");
}

#[test]
fn arrivals_on_time_are_as_many_as_asked_for() {
    let report =
        bench("--rate 500 --keys 8 --read-share 0.5 --slice 100ms --rounds 2 --threads 1").unwrap();
    let load = report.cases.last().unwrap();
    assert_eq!(load.outcomes.ok + load.outcomes.failed(), 100);
    assert!(load.latency.is_some());
}

#[test]
fn a_soak_samples_all_memory() {
    let report = bench("--soak 300ms --every 100ms --loops 8 --keys 8 --fsync always").unwrap();
    let soak = report.soak.unwrap();
    let sample = soak.samples.first().unwrap();
    assert_eq!(sample.used_memory.len(), 3);
    assert!(sample.own_rss > 0 && sample.used_memory.iter().all(|used| *used > 0), "{sample:?}");
    assert!(soak.outcomes.ok > 0);
    assert_eq!(soak.trends.len(), 5);
}

/// A server that was there before the benchmark, with a password.
struct Given {
    child: Child,
    url: String,
    _directory: tempfile::TempDir,
}

impl Given {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--requirepass", "secret", "--dir"])
            .arg(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("redis://:secret@127.0.0.1:{port}");
        let given = Self { child, url, _directory: directory };
        while given.connection().is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        given
    }

    fn connection(&self) -> Result<redis::Connection, redis::RedisError> {
        redis::Client::open(self.url.as_str())?.get_connection()
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn given_servers_are_left_as_they_were() {
    let given = Given::start();
    let mut connection = given.connection().unwrap();
    redis::cmd("SET").arg("theirs").arg(1).exec(&mut connection).unwrap();
    let words = format!("--urls {} --loops 4 --keys 2000 --slice 50ms --rounds 1", given.url);
    let report = bench(&words).unwrap();
    assert!(report.setup.given && report.cases.iter().all(|case| case.outcomes.ok > 0));
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    assert_eq!(keys, ["theirs"]);
}

#[test]
fn a_password_that_is_wrong_is_said_to_be_wrong_and_not_shown() {
    let given = Given::start();
    let error = bench(&format!("--urls {}", given.url.replace("secret", "guess"))).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("authentication") && !error.contains("guess"), "{error}");
}
