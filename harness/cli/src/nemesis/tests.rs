//! Evidence can fail: each fault is seen when it was injected, not seen when it was not, and still
//! there when it was not undone. Real servers, real links.

use super::News;
use super::course::Course;
use super::injection::Injection;
use super::scene::{FaultLog, Scene};
use super::wipe::Wiping;
use crate::cluster::Cluster;
use crate::environment::{Environment, ToxiproxyPlace, Wiring};
use crate::links::Links;
use crate::probe;
use harness_proxy::ProxyServer;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use workloads::{Draft, EnvironmentKind, FaultKind, Link, OneWay, PlannedFault, Scenario, Span};

const SERVERS: &[FaultKind] = &[
    FaultKind::Restart,
    FaultKind::Kill,
    FaultKind::Pause,
    FaultKind::Disconnect,
    FaultKind::Stall,
    FaultKind::MemoryFull,
    FaultKind::DiskFull,
];

fn scenario(rest: &str) -> Scenario {
    let text = format!("workload = \"append\"\nseed = 7\n{rest}");
    let draft = Draft::parse(&text, "test").unwrap();
    let environment = draft.environment.unwrap();
    draft.settle(environment, FaultKind::ALL, 7, None).unwrap()
}

/// Where faults take place, with links of `proposers` proposers to the first acceptor.
async fn scene(scenario: &Scenario, proposers: u32, wiring: Wiring) -> (Arc<Scene>, TempDir) {
    let directory = TempDir::new().unwrap();
    let environment = Environment::start_in(directory.path(), scenario).await.unwrap();
    let links = Links::new(proposers, scenario.seed, "0badcafe", wiring).await.unwrap();
    links.open_to(1, environment.address(1)).await.unwrap();
    (set(scenario, environment, Arc::new(links), &directory), directory)
}

fn set(
    scenario: &Scenario,
    environment: Environment,
    links: Arc<Links>,
    directory: &TempDir,
) -> Arc<Scene> {
    let log = FaultLog::create(&directory.path().join("faults.jsonl"), Instant::now()).unwrap();
    let news = watch::Sender::new(News::default());
    Arc::new(Scene::new(environment, links, scenario, log, news))
}

fn planned(fault: FaultKind) -> PlannedFault {
    PlannedFault {
        latency: Some(Span::millis(60)),
        jitter: Some(Span::millis(20)),
        probability: Some(0.2),
        rate: Some(50),
        size: Some(50),
        pause: Some(Span::millis(3)),
        life: Some(Span::millis(50)),
        bytes: Some(3000),
        ..PlannedFault::of(fault, (Span::seconds(0), Span::seconds(1)))
    }
}

/// Each fault of links, on a link of its own. Each has the parameters that belong to it alone.
fn of_links() -> Vec<PlannedFault> {
    let mut faults = Vec::new();
    for kind in FaultKind::ALL.iter().filter(|kind| kind.is_of_links()) {
        let mut planned = planned(*kind);
        if *kind != FaultKind::Latency {
            (planned.latency, planned.jitter) = (None, None);
        }
        if !matches!(kind, FaultKind::Loss | FaultKind::Drop) {
            planned.probability = None;
        }
        if *kind == FaultKind::OneWay {
            planned.direction = Some(OneWay::Requests);
            faults.push(planned.clone());
            planned.direction = Some(OneWay::Replies);
        }
        if *kind == FaultKind::Drop {
            planned.usable = Some(true);
            faults.push(planned.clone());
            planned.usable = None;
        }
        faults.push(planned);
    }
    for (proposer, planned) in (1..).zip(&mut faults) {
        planned.links = vec![Link { proposer, acceptor: 1 }];
    }
    faults
}

/// Lets a fault go its way, and asks of it at every step what it looks like.
async fn can_fail(scene: Arc<Scene>, number: u32, planned: PlannedFault) {
    let what = planned.what();
    let (_keep, mut stop) = watch::channel(false);
    let mut course = Injection::before(&scene, number, &planned).await;
    let held = course.during(&mut stop).await.unwrap();
    assert!(!held, "{what}, not injected, held: {:?}", course.take());

    let mut course = Injection::before(&scene, number, &planned).await;
    course.begin().await.unwrap();
    let held = course.during(&mut stop).await.unwrap();
    assert!(held, "{what} did not hold: {:?}", course.take());
    let still = course.still().await;
    assert_eq!(still, Some(true), "{what} lapsed: {:?}", course.take());
    let gone = course.after().await;
    assert!(!gone, "{what}, not undone, was gone: {:?}", course.take());
    course.undo().await.unwrap();
    let still = course.still().await;
    assert_eq!(still, Some(false), "{what} was undone, and seen still: {:?}", course.take());
    course.take();
    let gone = course.after().await;
    assert!(gone, "{what} is not gone: {:?}", course.take());
}

async fn all_can_fail(scene: &Arc<Scene>, faults: Vec<PlannedFault>) {
    let mut tries = JoinSet::new();
    for (number, planned) in (0..).zip(faults) {
        tries.spawn(can_fail(Arc::clone(scene), number, planned));
    }
    tries.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_links_are_seen_before_native_acceptors() {
    let scenario = scenario("environment = \"embedded\"\nnodes = 1\nfaults = []");
    let (scene, _directory) = scene(&scenario, 16, Wiring::Inside).await;
    all_can_fail(&scene, of_links()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_links_are_seen_before_redis() {
    let scenario = scenario("environment = \"process\"\nnodes = 1\nfaults = []");
    let (scene, _directory) = scene(&scenario, 16, Wiring::Inside).await;
    all_can_fail(&scene, of_links()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_links_are_seen_through_a_toxiproxy() {
    let server = ProxyServer::bind((Ipv4Addr::LOCALHOST, 0).into(), 7).await.unwrap();
    let place = ToxiproxyPlace {
        api: format!("http://{}", server.address()),
        listen: Ipv4Addr::LOCALHOST.into(),
        reach: Ipv4Addr::LOCALHOST.into(),
        numbered: false,
        existing: false,
    };
    tokio::spawn(server.run(std::future::pending()));
    let scenario = scenario("environment = \"process\"\nnodes = 1\nfaults = []");
    let (scene, _directory) = scene(&scenario, 16, Wiring::Toxiproxy(place.clone())).await;
    all_can_fail(&scene, of_links()).await;
    // It is left as it was found.
    scene.links.close().await.unwrap();
    let left = harness_proxy::Toxiproxy::at(&place.api).unwrap().proxies().await.unwrap();
    assert_eq!(left.len(), 0);
}

#[tokio::test]
async fn a_fault_of_links_that_fails_half_way_is_taken_back() {
    let server = ProxyServer::bind((Ipv4Addr::LOCALHOST, 0).into(), 7).await.unwrap();
    let api = format!("http://{}", server.address());
    let (listen, reach) = (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into());
    let place =
        ToxiproxyPlace { api: api.clone(), listen, reach, numbered: false, existing: false };
    tokio::spawn(server.run(std::future::pending()));
    let scenario = scenario("environment = \"process\"\nnodes = 1\nfaults = []");
    let (scene, _directory) = scene(&scenario, 3, Wiring::Toxiproxy(place)).await;
    let toxiproxy = harness_proxy::Toxiproxy::at(&api).unwrap();
    // One that is in the middle is missing.
    toxiproxy.delete("harness-0badcafe-p2-a1").await.unwrap();
    let links: Vec<_> = (1..=3).map(|proposer| Link { proposer, acceptor: 1 }).collect();
    for (number, kind) in (0..).zip([FaultKind::Cut, FaultKind::Blackhole, FaultKind::Slicing]) {
        let planned = PlannedFault { links: links.clone(), ..planned(kind) };
        let mut course = Injection::before(&scene, number, &planned).await;
        course.begin().await.unwrap_err();
        for (name, left) in toxiproxy.proxies().await.unwrap() {
            assert!(left.enabled && left.toxics.is_empty(), "{kind}: {name} {left:?}");
        }
    }
}

#[tokio::test]
async fn a_fault_of_servers_that_fails_half_way_is_taken_back() {
    let scenario = scenario("environment = \"process\"\nnodes = 3\nfaults = []");
    let (scene, _directory) = scene(&scenario, 1, Wiring::Inside).await;
    // One that is in the middle has ended for good.
    scene.environment.lock().await.end(2).await.unwrap();
    let address = scene.environment.lock().await.address(1);
    let planned = PlannedFault { nodes: vec![1, 2, 3], ..planned(FaultKind::Pause) };
    let mut course = Injection::before(&scene, 0, &planned).await;
    course.begin().await.unwrap_err();
    assert!(probe::answers(address).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_redis_servers_are_seen() {
    let nodes = SERVERS.len();
    let rest = format!("environment = \"process\"\nnodes = {nodes}\nconcurrency = 9\nfaults = []");
    let (scene, _directory) = scene(&scenario(&rest), 1, Wiring::Inside).await;
    let injected = |(node, kind): (u32, &FaultKind)| {
        let when = (Span::seconds(0), Span::seconds(1));
        PlannedFault { nodes: vec![node], ..PlannedFault::of(*kind, when) }
    };
    all_can_fail(&scene, (1..).zip(SERVERS).map(injected).collect()).await;
    scene.environment.lock().await.all_there().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_holds_only_where_something_was_lost() {
    let text = "environment = \"process\"\nnodes = 1\nfsync = \"everysec\"\nfaults = []";
    let (scene, _directory) = scene(&scenario(text), 1, Wiring::Inside).await;
    let address = scene.environment.lock().await.address(1);
    let (_keep, mut stop) = watch::channel(false);
    for loses in [false, true, false] {
        // What was written before counts as synced by now.
        tokio::time::sleep(Duration::from_millis(1300)).await;
        if loses {
            assert_eq!(probe::write(address, probe::PATIENCE).await, probe::Written::Taken);
        }
        let planned = PlannedFault { nodes: vec![1], ..planned(FaultKind::TailLost) };
        let mut course = Injection::before(&scene, 0, &planned).await;
        course.begin().await.unwrap();
        let held = course.during(&mut stop).await.unwrap();
        let sentences = course.take();
        assert_eq!(held, loses, "{sentences:?}");
        let nothing = sentences.iter().any(|it| it.contains("nothing of its log was lost"));
        assert_eq!(nothing, !loses, "{sentences:?}");
        course.undo().await.unwrap();
        assert!(course.after().await, "{:?}", course.take());
    }
}

/// A cluster of three, of which the second is wiped.
async fn wiped(rest: &str, by: impl AsyncFn(&Scene, &mut Wiping<'_>)) {
    let scenario = scenario(&format!("environment = \"embedded\"\nfaults = []\n{rest}"));
    let directory = TempDir::new().unwrap();
    let mut environment = Environment::start_in(directory.path(), &scenario).await.unwrap();
    let cluster = Cluster::build(&mut environment, &scenario, "0badcafe").await.unwrap();
    let scene = set(&scenario, environment, cluster.links, &directory);
    let when = (Span::seconds(0), Span::seconds(1));
    let planned = PlannedFault { nodes: vec![2], ..PlannedFault::of(FaultKind::Wipe, when) };
    let mut course = Wiping::before(&scene, &planned).await;
    by(&scene, &mut course).await;
}

#[tokio::test]
async fn a_wiped_acceptor_is_out_until_it_has_joined_again() {
    wiped("", async |_, course| {
        let (_keep, mut stop) = watch::channel(false);
        assert!(!course.during(&mut stop).await.unwrap(), "{:?}", course.take());
    })
    .await;
    wiped("", async |_, course| {
        let (_keep, mut stop) = watch::channel(false);
        course.begin().await.unwrap();
        assert!(course.during(&mut stop).await.unwrap(), "{:?}", course.take());
        assert!(!course.after().await, "{:?}", course.take());
        course.undo().await.unwrap();
        assert!(course.after().await, "{:?}", course.take());
    })
    .await;
}

#[tokio::test]
async fn where_nobody_guards_a_wiped_acceptor_keeps_its_place() {
    wiped("mutant = \"unguarded\"", async |_, course| {
        let (_keep, mut stop) = watch::channel(false);
        course.begin().await.unwrap();
        assert!(course.during(&mut stop).await.unwrap(), "{:?}", course.take());
        course.undo().await.unwrap();
        assert!(course.after().await, "{:?}", course.take());
    })
    .await;
}

#[test]
fn there_is_a_test_for_every_fault_of_servers_that_processes_can_do() {
    let able = crate::environment::able(EnvironmentKind::Process).iter();
    let of_acceptors = able.filter(|kind| kind.is_of_acceptor() && !kind.loses_memory());
    assert!(of_acceptors.eq(SERVERS.iter()));
}
