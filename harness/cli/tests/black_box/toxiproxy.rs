//! A Toxiproxy, and a cluster, that a run does not have for itself: what a killed harness leaves there
//! is undone, and nothing of another run is.

use crate::proxy::{after, started};
use crate::support::{Running, Sandbox, wait_until};
use nix::sys::signal::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

/// A port that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What is answered to a GET, head and body.
fn get(address: &str, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_to_string(&mut answer).unwrap();
    }
    answer
}

/// The ids of the runs of a sandbox that have a journal.
fn runs(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("state/gryadka-harness")).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned)).collect()
}

/// Waits until a fault of a sandbox's run is seen to go on.
fn wait_for_a_fault(sandbox: &Sandbox) {
    wait_until("a fault", || {
        sandbox.latest().lines("faults.jsonl").iter().any(|event| event["stage"] == "held")
    });
}

fn start(sandbox: &Sandbox, args: &str) -> Running {
    let mut command = sandbox.command(args);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    Running::of(child)
}

fn kill(running: Running) {
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end().code(), None);
}

#[test]
fn two_runs_on_one_toxiproxy_survive_each_others_heal() {
    let (killed, live) = (Sandbox::with_redis(), Sandbox::with_redis());
    let (_proxy, said) = started(&killed, "proxy --listen 127.0.0.1:0", 1);
    let api = after(&said[0], "listening on http://").to_owned();
    let args = format!(
        "run append --environment process --nodes 1 --toxiproxy http://{api} --time 60s --output out \
         --faults blackhole --fault-interval 30s --seed 4"
    );
    let (one, other) = (start(&killed, &args), start(&live, &args));
    wait_for_a_fault(&killed);
    wait_for_a_fault(&live);
    let (dead, alive) = (runs(&killed).remove(0), runs(&live).remove(0));
    kill(one);

    // Each asks for the journals of its own, and the one Toxiproxy has what both have made.
    let said = live.harness("heal --dry-run").exits(0).stderr();
    assert!(said.contains(&format!("run {alive}: its harness goes on")), "{said}");
    killed.harness(&format!("heal --run {dead}")).exits(0);
    let left = get(&api, "/proxies");
    assert!(!left.contains(&dead), "{left}");
    assert!(left.contains(&format!("harness-{alive}-p1-a1")), "{left}");
    assert_eq!(runs(&killed), [""; 0]);
    other.signal(Signal::SIGINT);
    other.end().exits_with_a_verdict();
    assert!(!get(&api, "/proxies").contains("harness-"));
}

/// One service, its acceptor, and the link between the two.
struct Cluster {
    api: String,
    service: String,
    /// They end with the test.
    _programs: Vec<Running>,
}

impl Cluster {
    fn start(sandbox: &Sandbox) -> Self {
        let (redis, link, service) = (free_port(), free_port(), free_port());
        let mut server = Command::new("redis-server");
        server.args(["--port", &redis.to_string(), "--save", "", "--dir"]).arg(sandbox.path("tmp"));
        let server = Running::of(server.stdout(Stdio::null()).spawn().unwrap());
        let config = format!(
            r#"[{{"name": "p1-a1", "listen": "127.0.0.1:{link}", "upstream": "127.0.0.1:{redis}"}}]"#
        );
        sandbox.file("proxies.json", &config);
        let args = "proxy --listen 127.0.0.1:0 --config proxies.json";
        let (proxy, said) = started(sandbox, args, 2);
        let api = after(&said[0], "listening on http://").to_owned();
        let gryadka = start(
            sandbox,
            &format!(
                "gryadka serve --init --listen 127.0.0.1:{service} --acceptors redis://127.0.0.1:{redis} \
                 --route redis://127.0.0.1:{redis}=redis://127.0.0.1:{link}"
            ),
        );
        let service = format!("127.0.0.1:{service}");
        wait_until("the service", || get(&service, "/readyz").starts_with("HTTP/1.1 204"));
        Self { api, service, _programs: vec![gryadka, proxy, server] }
    }

    fn run(&self, rest: &str) -> String {
        let Self { api, service, .. } = self;
        format!(
            "run cas-register --environment external --services http://{service} --toxiproxy \
             http://{api} --output out --seed 3 {rest}"
        )
    }

    /// The keys that a run's history names, as far as the store has them still.
    fn keys(&self, sandbox: &Sandbox, run: &str) -> Vec<String> {
        let events = sandbox.latest().lines("history.jsonl");
        let mut keys: Vec<_> = events
            .iter()
            .filter_map(|event| Some(format!("harness-{run}%2F{}", event["key"].as_str()?)))
            .collect();
        keys.sort();
        keys.dedup();
        assert!(!keys.is_empty());
        let is_there =
            |key: &String| get(&self.service, &format!("/v1/kv/{key}")).starts_with("HTTP/1.1 200");
        keys.into_iter().filter(is_there).collect()
    }
}

#[test]
fn the_keys_and_the_cut_of_a_killed_run_are_taken_back_from_a_cluster_that_goes_on() {
    let sandbox = Sandbox::with_redis();
    let cluster = Cluster::start(&sandbox);
    let run = cluster.run("--time 60s --faults cut --fault-interval 30s");
    let running = start(&sandbox, &run);
    wait_for_a_fault(&sandbox);
    let id = runs(&sandbox).remove(0);
    kill(running);
    let cut = get(&cluster.api, "/proxies");
    assert!(cut.contains("\"enabled\":false") && cut.contains(&format!("-cut-{id}")), "{cut}");

    let said = sandbox.harness(&format!("heal --run {id}")).exits(0).stderr();
    assert!(said.contains("delete the run's keys"), "{said}");
    let free = get(&cluster.api, "/proxies");
    assert!(free.contains("\"enabled\":true") && free.contains("\"toxics\":[]"), "{free}");
    assert_eq!(cluster.keys(&sandbox, &id), [""; 0]);
    assert_eq!(runs(&sandbox), [""; 0]);
}

#[test]
fn keys_that_cannot_be_deleted_are_told_and_the_journal_stays() {
    let sandbox = Sandbox::with_redis();
    let cluster = Cluster::start(&sandbox);
    let running = start(&sandbox, &cluster.run("--time 60s --faults none"));
    wait_until("calls", || sandbox.latest().lines("history.jsonl").len() > 20);
    let id = runs(&sandbox).remove(0);
    kill(running);
    assert!(!cluster.keys(&sandbox, &id).is_empty());

    let history = sandbox.latest().path("history.jsonl");
    let aside = sandbox.path("aside.jsonl");
    fs::rename(&history, &aside).unwrap();
    let said = sandbox.harness(&format!("heal --run {id}")).exits(70).stderr();
    assert!(
        said.contains(&format!("the names of the run's keys begin with harness-{id}/")),
        "{said}"
    );
    assert_eq!(runs(&sandbox), [id.as_str()]);
    fs::rename(&aside, &history).unwrap();
    sandbox.harness(&format!("heal --run {id}")).exits(0);
    assert_eq!(cluster.keys(&sandbox, &id), [""; 0]);
}
