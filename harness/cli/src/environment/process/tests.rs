//! Every fault of an acceptor that is a Redis process: that it is real, and that it is really gone.

use super::Process;
use crate::environment::console::{Console, ConsoleError, Said};
use crate::environment::standing;
use crate::probe::{Line, PATIENCE, Seen, answers};
use gryadka::{ConnectOptions, Gryadka};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use workloads::{Draft, EnvironmentKind, FaultKind, Fsync, Mutant, Scenario, Workload};

/// A run's servers: one, unless more are added.
struct Fixture {
    process: Process,
    logs: TempDir,
}

impl Fixture {
    async fn new(fsync: Fsync, mutant: Option<Mutant>) -> Self {
        assert!(super::server().is_some(), "these tests start real servers: install redis-server");
        let draft = Draft {
            workload: Some(Workload::CasRegister),
            faults: Some(Vec::new()),
            fsync: Some(fsync),
            mutant,
            ..Draft::default()
        };
        let scenario: Scenario =
            draft.settle(EnvironmentKind::Process, super::ABLE, 1, None).unwrap();
        let logs = TempDir::new().unwrap();
        let mut process = Process::new(&scenario, logs.path()).unwrap();
        process.add().await.unwrap();
        Self { process, logs }
    }

    async fn console(&self) -> Console {
        Console::open(self.process.address(1)).await.unwrap()
    }

    async fn set(&self, key: &str, value: &str) -> Result<Said, ConsoleError> {
        self.console().await.tell(&[b"SET", key.as_bytes(), value.as_bytes()]).await
    }

    async fn get(&self, key: &str) -> Option<String> {
        let said = self.console().await.tell(&[b"GET", key.as_bytes()]).await.unwrap();
        if let Said::Text(text) = said {
            return Some(String::from_utf8(text).unwrap());
        }
        assert_eq!(said, Said::Nothing);
        None
    }

    async fn inject(&mut self, fault: FaultKind) {
        self.process.inject(fault, 1).await.unwrap();
    }

    async fn undo(&mut self, fault: FaultKind) {
        self.process.undo(fault, 1).await.unwrap();
        self.process.all_there().unwrap();
    }

    fn evidence(&mut self) -> String {
        self.process.evidence(1)
    }

    /// What an old connection and a new one come to.
    async fn look(&self, old: &mut Line) -> (Seen, Seen) {
        (old.ask(PATIENCE).await, Line::open(self.process.address(1), PATIENCE).await.1)
    }

    async fn line(&self) -> Line {
        Line::open(self.process.address(1), PATIENCE).await.0.unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.logs.path().join("a1.log")).unwrap()
    }
}

/// Waits until something holds that must.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_killed_and_the_stopped_are_gone_and_come_back_with_their_data() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    for (fault, how) in [(FaultKind::Kill, "signal: 9 (SIGKILL)"), (FaultKind::Restart, "exit")] {
        fixture.set("key", fault.name()).await.unwrap();
        let mut old = fixture.line().await;
        fixture.inject(fault).await;
        assert_eq!(fixture.look(&mut old).await, (Seen::Torn, Seen::Refused), "{fault}");
        let evidence = fixture.evidence();
        assert!(evidence.contains("has ended") && evidence.contains(how), "{evidence}");
        fixture.undo(fault).await;
        assert_eq!(fixture.get("key").await.as_deref(), Some(fault.name()));
        assert!(fixture.evidence().ends_with("is running"), "{}", fixture.evidence());
    }
    assert!(fixture.log().contains("User requested shutdown"), "a restart goes in good order");
}

#[tokio::test]
async fn the_paused_are_silent_until_they_go_on() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    let mut old = fixture.line().await;
    fixture.inject(FaultKind::Pause).await;
    assert_eq!(fixture.look(&mut old).await, (Seen::Silent, Seen::Silent));
    assert!(fixture.evidence().ends_with("is stopped"), "{}", fixture.evidence());
    fixture.undo(FaultKind::Pause).await;
    until("an answer", async || answers(fixture.process.address(1)).await).await;
    assert!(fixture.evidence().ends_with("is running"), "{}", fixture.evidence());
}

/// A store of one acceptor, with a value in it.
async fn store(url: String) -> Gryadka {
    let options = ConnectOptions { initialise: true, ..ConnectOptions::new([url]) };
    let store = Gryadka::connect(options).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    store.set(b"key", "value".into(), deadline).await.unwrap();
    store
}

#[tokio::test]
async fn the_wiped_lose_all_that_they_knew_and_their_place() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    let url = format!("redis://{}", fixture.process.address(1));
    let store = store(url.clone()).await;
    assert!(standing::take(&url).await.unwrap().is_some());
    fixture.inject(FaultKind::Wipe).await;
    assert_eq!(fixture.console().await.tell(&[b"DBSIZE"]).await.unwrap(), Said::Number(0));
    assert!(standing::take(&url).await.unwrap().is_none());
    let soon = Instant::now() + Duration::from_millis(500);
    assert!(store.get(b"key", soon).await.is_err(), "one without a place votes for nothing");
    fixture.undo(FaultKind::Wipe).await;
}

#[tokio::test]
async fn where_nobody_guards_the_wiped_keep_their_place_and_nothing_else() {
    let mut fixture = Fixture::new(Fsync::Always, Some(Mutant::Unguarded)).await;
    let url = format!("redis://{}", fixture.process.address(1));
    let store = store(url.clone()).await;
    fixture.inject(FaultKind::Wipe).await;
    fixture.undo(FaultKind::Wipe).await;
    assert!(standing::take(&url).await.unwrap().is_some());
    let found = store.get(b"key", Instant::now() + Duration::from_secs(10)).await.unwrap();
    assert!(found.is_none(), "it votes, and has lost what it had voted for: {found:?}");
}

/// Writes numbers until the server is killed in the middle of it. Answers how many it acknowledged.
async fn killed_while_written_to(fixture: &mut Fixture) -> usize {
    let mut console = fixture.console().await;
    let (many, enough) = tokio::sync::oneshot::channel();
    let writer = tokio::spawn(async move {
        let (mut many, began) = (Some(many), Instant::now());
        for number in 0_usize.. {
            let name = format!("k{number}");
            if console.tell(&[b"SET", name.as_bytes(), b"v"]).await.is_err() {
                return number;
            }
            // Some of it must be old enough to count as synced.
            if began.elapsed() > Duration::from_millis(1500)
                && let Some(many) = many.take()
            {
                many.send(()).unwrap();
            }
        }
        0
    });
    enough.await.unwrap();
    fixture.inject(FaultKind::TailLost).await;
    writer.await.unwrap()
}

async fn size(fixture: &Fixture) -> usize {
    let Said::Number(size) = fixture.console().await.tell(&[b"DBSIZE"]).await.unwrap() else {
        panic!("DBSIZE is a number")
    };
    size.try_into().unwrap()
}

#[tokio::test]
async fn what_was_not_synced_is_lost_and_what_was_is_there() {
    let mut fixture = Fixture::new(Fsync::Everysec, None).await;
    let acknowledged = killed_while_written_to(&mut fixture).await;
    let evidence = fixture.evidence();
    assert!(evidence.contains("bytes of its log were cut"), "{evidence}");
    assert!(!evidence.contains("; 0 bytes"), "{evidence}");
    fixture.undo(FaultKind::TailLost).await;
    let left = size(&fixture).await;
    assert!(left > 0 && left < acknowledged, "{left} of {acknowledged}");
    assert!(fixture.get(&format!("k{}", left - 1)).await.is_some(), "what is left is a beginning");
    assert!(!fixture.log().contains("Bad file format"), "{}", fixture.log());
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_where_every_write_is_synced() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    let acknowledged = killed_while_written_to(&mut fixture).await;
    let evidence = fixture.evidence();
    assert!(evidence.contains("nothing of its log was cut"), "{evidence}");
    fixture.undo(FaultKind::TailLost).await;
    assert!(size(&fixture).await >= acknowledged);
}

#[tokio::test]
async fn the_place_in_a_cluster_is_no_tail() {
    let mut fixture = Fixture::new(Fsync::Everysec, None).await;
    let url = format!("redis://{}", fixture.process.address(1));
    drop(store(url.clone()).await);
    fixture.inject(FaultKind::TailLost).await;
    fixture.undo(FaultKind::TailLost).await;
    assert!(standing::take(&url).await.unwrap().is_some());
}

#[tokio::test]
async fn connections_are_ended_again_and_again_and_new_ones_accepted() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    let mut old = fixture.line().await;
    fixture.inject(FaultKind::Disconnect).await;
    assert_eq!(old.ask(PATIENCE).await, Seen::Torn);
    let address = fixture.process.address(1);
    until("a new connection", async || answers(address).await).await;
    // It does not last either.
    let mut line = loop {
        if let (Some(line), Seen::Answered(_)) = Line::open(address, PATIENCE).await {
            break line;
        }
    };
    let began = Instant::now();
    while line.ask(PATIENCE).await != Seen::Torn {
        assert!(began.elapsed() < Duration::from_secs(20), "a connection lives on");
    }
    fixture.undo(FaultKind::Disconnect).await;
    let mut line = fixture.line().await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(200) {
        assert!(matches!(line.ask(PATIENCE).await, Seen::Answered(_)));
    }
}

#[tokio::test]
async fn the_stalled_take_connections_and_execute_nothing() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    let mut old = fixture.line().await;
    fixture.inject(FaultKind::Stall).await;
    let mut waiting = fixture.console().await;
    waiting.send(&[b"SET", b"key", b"value"]).await.unwrap();
    assert_eq!(fixture.look(&mut old).await, (Seen::Silent, Seen::Silent));
    // It goes on for longer than any single pause that it is made of.
    for _ in 0..3 {
        let (_, seen) = Line::open(fixture.process.address(1), PATIENCE).await;
        assert_eq!(seen, Seen::Silent);
    }
    fixture.undo(FaultKind::Stall).await;
    assert_eq!(waiting.hear().await.unwrap(), Said::Text(b"OK".to_vec()));
    assert_eq!(fixture.get("key").await.as_deref(), Some("value"));
}

#[tokio::test]
async fn a_stall_ends_with_whoever_made_it() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    let address = fixture.process.address(1);
    let stall = crate::environment::trouble::inject(FaultKind::Stall, address).await.unwrap();
    assert!(!answers(address).await);
    drop(stall);
    until("an answer", async || answers(address).await).await;
    fixture.process.all_there().unwrap();
}

#[tokio::test]
async fn the_full_refuse_writes_and_get_back_the_settings_that_they_had() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    let settings: [(&str, &[u8]); 2] =
        [("maxmemory", b"104857600"), ("maxmemory-policy", b"allkeys-lru")];
    for (name, value) in settings {
        fixture.console().await.set(name, value).await.unwrap();
    }
    fixture.set("key", "before").await.unwrap();
    fixture.inject(FaultKind::MemoryFull).await;
    let refused = fixture.set("key", "during").await.unwrap_err().to_string();
    assert!(refused.contains("OOM"), "{refused}");
    assert_eq!(fixture.get("key").await.as_deref(), Some("before"));
    fixture.undo(FaultKind::MemoryFull).await;
    fixture.set("key", "after").await.unwrap();
    for (name, value) in settings {
        assert_eq!(fixture.console().await.setting(name).await.unwrap(), value, "{name}");
    }
}

#[tokio::test]
async fn a_full_disk_ends_those_that_sync_every_write() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    fixture.set("key", "before").await.unwrap();
    fixture.inject(FaultKind::DiskFull).await;
    assert!(fixture.set("key", "during").await.is_err());
    let began = Instant::now();
    while !fixture.evidence().contains("has ended: exit status: 1") {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", fixture.evidence());
        sleep(Duration::from_millis(10)).await;
    }
    fixture.process.all_there().unwrap();
    fixture.undo(FaultKind::DiskFull).await;
    assert_eq!(fixture.get("key").await.as_deref(), Some("before"));
    fixture.set("key", "after").await.unwrap();
}

#[tokio::test]
async fn a_full_disk_makes_the_others_refuse_writes() {
    let mut fixture = Fixture::new(Fsync::Everysec, None).await;
    fixture.set("key", "before").await.unwrap();
    fixture.inject(FaultKind::DiskFull).await;
    // The first one is in memory before the log says that it cannot be written.
    until("a refusal", async || {
        let refused = fixture.set("key", "during").await;
        refused.is_err_and(|error| error.to_string().contains("MISCONF"))
    })
    .await;
    assert!(fixture.evidence().contains("is running"), "{}", fixture.evidence());
    fixture.undo(FaultKind::DiskFull).await;
    until("room", async || fixture.set("key", "after").await.is_ok()).await;
}

#[tokio::test]
async fn what_no_fault_explains_is_an_error() {
    let mut fixture = Fixture::new(Fsync::Always, None).await;
    fixture.process.add().await.unwrap();
    let pid: i32 = fixture.evidence().split(' ').nth(1).unwrap().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let began = Instant::now();
    while fixture.process.all_there().is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody misses it");
        sleep(Duration::from_millis(10)).await;
    }
    let error = fixture.process.all_there().unwrap_err().to_string();
    assert!(error.starts_with("a1 is not as it should be: it ended by itself"), "{error}");
    assert!(error.contains("Ready to accept connections"), "its log is shown: {error}");
    fixture.process.end(1).await.unwrap();
    fixture.process.all_there().unwrap();
}
