//! Runs under faults of every kind, beside each other, of many at once, and put in wrongly.

use crate::proxy::{after, started};
use crate::support::{RunFiles, Sandbox};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

/// What became of the faults of a run: their names, and whether they were proved.
fn faults(run: &RunFiles) -> Vec<(String, String)> {
    let faults = run.json("results.json")["faults"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    faults.iter().map(|fault| (text(&fault["name"]), text(&fault["proof"]))).collect()
}

/// Asserts that every fault of a run was proved, and that there were these kinds.
#[track_caller]
fn all_held(run: &RunFiles, kinds: &[&str]) {
    let faults = faults(run);
    let unproved: Vec<_> = faults.iter().filter(|(_, proof)| proof != "held").collect();
    assert!(unproved.is_empty(), "{unproved:?}\n{}", run.text("faults.jsonl"));
    let seen: BTreeSet<_> = faults.iter().map(|(name, _)| name.as_str()).collect();
    assert!(kinds.iter().all(|kind| seen.contains(kind)), "{kinds:?} of {seen:?}");
}

/// The most faults that were going on at the same time.
fn most_at_a_time(run: &RunFiles) -> usize {
    let (mut active, mut most) = (BTreeSet::new(), 0);
    for line in run.lines("faults.jsonl") {
        let number = line["fault"].as_u64().unwrap();
        match line["stage"].as_str().unwrap() {
            "injected" => drop(active.insert(number)),
            "undone" => drop(active.remove(&number)),
            _ => {}
        }
        most = most.max(active.len());
    }
    most
}

#[test]
fn faults_on_the_wrong_links_are_noticed_and_the_run_is_not_valid() {
    let sandbox = Sandbox::new();
    let ended = sandbox
        .harness(
            "run append --environment embedded --faults cut --mutant misaimed --time 4s \
             --quiet 1s --fault-interval 900ms --seed 5 --output out",
        )
        .exits(3);
    assert!(
        ended.stdout().starts_with("INCONCLUSIVE (gryadka with the mutant misaimed): "),
        "{}",
        ended.stdout()
    );
    let proofs = faults(&sandbox.latest());
    assert!(proofs.contains(&("cut".into(), "did-not-hold".into())), "{proofs:?}");
}

#[test]
fn everything_that_can_be_done_to_native_acceptors_leaves_the_store_valid() {
    let sandbox = Sandbox::new();
    let ended = sandbox.harness(
        "run cas-register --environment embedded --faults all --overlap 1 --time 26s --quiet 4s \
         --fault-interval 1500ms --seed 3 --output out",
    );
    let kinds = [
        "cut",
        "blackhole",
        "one-way",
        "latency",
        "bandwidth",
        "slicing",
        "loss",
        "drop",
        "reset",
        "limit",
        "restart",
        "wipe",
        "membership",
    ];
    let run = sandbox.latest();
    if run.faults_are_proved(&ended, 5) {
        all_held(&run, &kinds);
    }
}

#[test]
fn everything_that_can_be_done_to_redis_leaves_the_store_valid() {
    let sandbox = Sandbox::with_redis();
    let ended = sandbox.harness(
        "run append --environment process --faults all --overlap 1 --time 38s --quiet 4s \
         --fault-interval 1500ms --seed 4 --output out",
    );
    let kinds = ["kill", "pause", "wipe", "disconnect", "stall", "memory-full", "disk-full"];
    let run = sandbox.latest();
    if run.faults_are_proved(&ended, 7) {
        all_held(&run, &kinds);
    }
    assert_eq!(sandbox.servers(), [0; 0]);
}

#[test]
fn faults_beside_each_other_are_each_proved() {
    let sandbox = Sandbox::with_redis();
    let ended = sandbox.harness(
        "run cas-register --environment process --nodes 5 --overlap 2 --time 14s --quiet 2s \
         --faults partition,latency,kill --fault-interval 1s --seed 2 --output out",
    );
    let run = sandbox.latest();
    if run.faults_are_proved(&ended, 4) {
        all_held(&run, &["cut", "blackhole", "one-way", "latency", "kill"]);
    }
    assert_eq!(most_at_a_time(&run), 2);
}

#[test]
fn many_at_once_and_the_busiest_are_struck_and_come_back() {
    let sandbox = Sandbox::with_redis();
    let ended = sandbox.harness(
        "run increment --environment process --time 9s --quiet 2s --seed 2 \
         --faults kill,pause --targets all,majority,busiest --overlap 1 --fault-interval 1s --output out",
    );
    let run = sandbox.latest();
    if run.faults_are_proved(&ended, 2) {
        all_held(&run, &["kill", "pause"]);
        let steps = run.text("faults.jsonl");
        assert!(steps.contains(" is the busiest: its links have carried "), "{steps}");
        assert!(steps.contains("a1 a2 a3"), "{steps}");
    }
}

#[test]
fn links_of_a_toxiproxy_that_is_there_are_used_and_left_as_they_were() {
    let sandbox = Sandbox::with_redis();
    let (proxy, said) = started(&sandbox, "proxy --listen 127.0.0.1:0", 1);
    let address = after(&said[0], "listening on http://");
    sandbox
        .harness(&format!(
            "run increment --environment process --toxiproxy http://{address} --time 9s \
             --quiet 2s --faults cut,blackhole,one-way,latency,reset --fault-interval 1s \
             --seed 2 --output out"
        ))
        .exits(0);
    let run = sandbox.latest();
    all_held(&run, &["cut", "blackhole", "one-way", "latency", "reset"]);
    assert_eq!(proxies(address), "{}");
    proxy.signal(Signal::SIGTERM);
    assert_eq!(proxy.end().code(), Some(0));

    let call =
        format!("run append --environment process --toxiproxy http://{address} --output other");
    let stderr = sandbox.harness(&call).exits(64).stderr();
    assert!(stderr.contains("no answer; is a Toxiproxy listening there?"), "{stderr}");
    assert!(!sandbox.path("other").exists());
}

/// What a Toxiproxy says of its proxies.
fn proxies(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /proxies HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split("\r\n\r\n").nth(1).unwrap().trim().to_owned()
}
