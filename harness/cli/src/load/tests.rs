//! Load and recorder against a scripted store that knows what became of each request, in virtual time:
//! what the history says must be what the store knows.

use super::*;
use crate::recorder::nanos;
use harness_history::Header;
use harness_history::{History, Kind, Operation, Value, operations};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tempfile::TempDir;
use workloads::{Draft, EnvironmentKind, FaultKind};

/// A request as the store met it.
#[derive(Debug, Clone)]
struct Met {
    node: usize,
    call: Call,
    from: u64,
    to: u64,
    outcome: Outcome,
}

#[derive(Clone)]
struct Scripted {
    node: usize,
    start: Instant,
    met: Arc<Mutex<Vec<Met>>>,
}

impl Client for Scripted {
    /// Takes 3 ms on the first node, 5 on the second and 7 on the third. Every fourth call fails, and of
    /// every fifth the store does not say what became of it.
    async fn call(&self, call: &Call) -> Answer {
        let from = self.start.elapsed();
        tokio::time::sleep(Duration::from_millis(3 + 2 * self.node as u64)).await;
        let mut met = self.met.lock().unwrap();
        let outcome = match met.len() {
            number if number % 5 == 4 => Outcome::Info,
            number if number % 4 == 3 => Outcome::Fail,
            _ => Outcome::Ok,
        };
        let (node, to) = (self.node, nanos(self.start.elapsed()));
        met.push(Met { node, call: call.clone(), from: nanos(from), to, outcome });
        let error = (outcome != Outcome::Ok).then(|| format!("call {}", met.len()));
        Answer { outcome, value: call.value.clone(), error }
    }
}

fn scenario(rest: &str) -> Scenario {
    let text = format!("workload = \"append\"\ntime = \"2s\"\nfaults = []\n{rest}");
    let draft = Draft::parse(&text, "test").unwrap();
    draft.settle(EnvironmentKind::Embedded, FaultKind::ALL, 3, None).unwrap()
}

/// What the store met and what the history says, of two seconds.
async fn recorded(scenario: &Scenario) -> (Vec<Met>, History, TempDir) {
    let directory = TempDir::new().unwrap();
    let path: PathBuf = directory.path().join("history.jsonl");
    let nodes = (1..=scenario.nodes).map(|node| format!("n{node}")).collect();
    let model = scenario.workload.model();
    let header = Header::new(model, Value::Null, nodes, scenario.concurrency.into());
    let start = Instant::now();
    let recorder = Arc::new(Recorder::create(&path, &header, start).unwrap());
    let met = Arc::new(Mutex::new(Vec::new()));
    let client = |node| Scripted { node, start, met: Arc::clone(&met) };
    let clients: Vec<_> = (0..scenario.nodes as usize).map(client).collect();
    let (stop, stopped) = watch::channel(false);
    let (_news, news) = watch::channel(News::default());
    let mut threads = super::start(scenario, &clients, &recorder, &stopped, &news, start);
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.send_replace(true);
    while let Some(thread) = threads.join_next().await {
        thread.unwrap();
    }
    let counts = recorder.counts();
    Arc::into_inner(recorder).unwrap().finish().unwrap();
    let met = std::mem::take(&mut *met.lock().unwrap());
    assert_eq!(counts.ok + counts.fail + counts.info, met.len());
    (met, History::read(&path).unwrap(), directory)
}

/// By the element that it appends, what the store knows of a call.
fn appends(met: &[Met]) -> BTreeMap<u64, &Met> {
    let is_append = |met: &&Met| met.call.f == harness_history::Function::Append;
    met.iter().filter(is_append).map(|met| (met.call.value.as_u64().unwrap(), met)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_history_says_of_every_call_what_the_store_knows() {
    let (met, history, _directory) = recorded(&scenario("rate = 0")).await;
    let header = history.header.clone().unwrap();
    let recorded = operations(&history.events).unwrap();
    assert_eq!(recorded.len(), met.len());
    let known = appends(&met);
    let appended = |operation: &&Operation| operation.f == harness_history::Function::Append;
    assert_eq!(recorded.iter().filter(appended).count(), known.len());
    for operation in recorded.iter().filter(appended) {
        let met = known[&operation.input.as_u64().unwrap()];
        assert_eq!(operation.outcome, met.outcome, "{operation:?}");
        assert_eq!(operation.key.as_deref(), Some(met.call.key.as_str()));
        let node = format!("n{}", met.node + 1);
        assert_eq!(header.node_of(operation.process), Some(node.as_str()));
        // Not before the request and not after the answer, and in virtual time at the very moments.
        assert_eq!(operation.invoked.time, met.from, "{operation:?}");
        assert_eq!(operation.completed.unwrap().time, met.to, "{operation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_node_is_called_as_fast_as_it_answers_and_by_several_at_once() {
    let (met, history, _directory) = recorded(&scenario("rate = 0\nconcurrency = 6")).await;
    for (node, takes) in [(0, 3), (1, 5), (2, 7)] {
        let calls = met.iter().filter(|met| met.node == node).count();
        assert!(
            calls.abs_diff(2 * 2000 / takes) <= 4,
            "{calls} calls of {takes} ms by two threads"
        );
    }
    let mut open = 0_i32;
    let most = history.events.iter().map(|event| {
        open += if event.kind == Kind::Invoke { 1 } else { -1 };
        open
    });
    assert_eq!(most.max(), Some(6));
    let keys: std::collections::BTreeSet<_> =
        met.iter().map(|met| (met.node, met.call.key.clone())).collect();
    let shared = |key: &str| (0..3).all(|node| keys.contains(&(node, key.to_owned())));
    assert!((0..5).any(|key| shared(&key.to_string())), "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_left_in_doubt_never_calls_again() {
    let (_, history, _directory) = recorded(&scenario("rate = 0")).await;
    let mut in_doubt = std::collections::BTreeSet::new();
    let mut doubts = 0;
    for event in &history.events {
        assert!(!in_doubt.contains(&event.process), "{event:?}");
        if event.kind == Kind::Info {
            in_doubt.insert(event.process);
            doubts += 1;
        }
    }
    assert!(doubts > 100, "{doubts}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_by_all_threads_together() {
    let (met, ..) = recorded(&scenario("rate = 120.0")).await;
    assert!(met.len().abs_diff(240) <= 6, "{} calls", met.len());
}
