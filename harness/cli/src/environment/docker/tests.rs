//! Every fault that containers claim is real, and really gone: on real containers.

use super::acceptor::Acceptor;
use super::{Ground, daemon, image, names::Names, network, sweep};
use crate::environment::console::Console;
use crate::journal::Journal;
use crate::probe::{self, Line, PATIENCE, Seen};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use workloads::{FaultKind, Fsync};

/// A network with one acceptor.
struct Site {
    ground: Ground,
    acceptor: Acceptor,
    place: TempDir,
}

impl Site {
    async fn with(fsync: Fsync) -> Self {
        let place = TempDir::with_prefix("harness-test-").unwrap();
        let (docker, _) = daemon::connect()
            .await
            .expect("these tests need Docker: install docker.io and start its daemon");
        let journal = Arc::new(Journal::begin(place.path()).unwrap());
        let names = Names::new(journal.run());
        let subnet = network::create(&docker, &names, &journal).await.unwrap();
        let image = some_redis(&docker).await;
        let logs = place.path().to_owned();
        let guarded = true;
        let ground = Ground { docker, names, journal, subnet, image, fsync, guarded, logs };
        let acceptor = Acceptor::start(&ground, 1).await.unwrap();
        Self { ground, acceptor, place }
    }

    fn address(&self) -> SocketAddr {
        self.acceptor.address()
    }

    async fn inject(&mut self, fault: FaultKind) {
        self.acceptor.inject(&self.ground, fault).await.unwrap();
    }

    async fn undo(&mut self, fault: FaultKind) {
        self.acceptor.undo(fault).await.unwrap();
    }

    /// Sends a command and answers what comes back at once.
    async fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    /// What comes of a new connection.
    async fn seen(&self) -> Seen {
        Line::open(self.address(), PATIENCE).await.1
    }

    async fn evidence(&mut self) -> String {
        self.acceptor.evidence().await
    }

    /// Ends everything, and asserts that nothing is left.
    async fn end(mut self) {
        self.acceptor.vanish(&self.ground).await.unwrap();
        network::remove(&self.ground.docker, &self.ground.names.network()).await.unwrap();
        let left = sweep::find(&self.ground.docker, Some(self.ground.names.run())).await.unwrap();
        assert_eq!(left, sweep::Things::default());
        assert!(self.place.path().join("a1.log").is_file());
    }
}

/// A test that fails must not leave its containers.
impl Drop for Site {
    fn drop(&mut self) {
        let (docker, run) = (self.ground.docker.clone(), self.ground.names.run().to_owned());
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(sweep::sweep(&docker, &run)).ok();
        });
    }
}

/// An image of Redis that is on this machine: the usual one, or any other version of it.
async fn some_redis(docker: &bollard::Docker) -> String {
    for image in [image::REDIS, "redis:8.0", "redis:7.0"] {
        if image::is_there(docker, image).await.unwrap() {
            return image.to_owned();
        }
    }
    panic!("these tests need an image of Redis: cargo xtask images");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_acceptor_is_gone_and_comes_back_with_its_data() {
    let mut site = Site::with(Fsync::Always).await;
    assert_eq!(site.ask("SET k v").await, "+OK\r\n");
    site.inject(FaultKind::Kill).await;
    assert!(matches!(site.seen().await, Seen::Refused | Seen::Torn | Seen::Silent));
    assert!(site.evidence().await.ends_with("not running (exit code 137)"));
    assert!(site.acceptor.all_there().await.is_err());
    site.undo(FaultKind::Kill).await;
    assert_eq!(site.ask("GET k").await, "$1\r\nv\r\n");
    site.acceptor.all_there().await.unwrap();

    site.inject(FaultKind::Restart).await;
    assert!(!probe::answers(site.address()).await);
    assert!(site.evidence().await.ends_with("not running (exit code 0)"));
    site.undo(FaultKind::Restart).await;
    assert_eq!(site.ask("GET k").await, "$1\r\nv\r\n");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_acceptor_is_silent_and_goes_on_where_it_was() {
    let mut site = Site::with(Fsync::Always).await;
    let (line, before) = Line::open(site.address(), PATIENCE).await;
    assert!(matches!(before, Seen::Answered(_)));
    site.inject(FaultKind::Pause).await;
    let mut line = line.unwrap();
    assert_eq!(line.ask(PATIENCE).await, Seen::Silent);
    assert!(site.evidence().await.contains(": paused (pid "));
    site.undo(FaultKind::Pause).await;
    assert!(matches!(site.seen().await, Seen::Answered(_)));
    assert!(site.evidence().await.contains(": running (pid "));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_acceptor_answers_at_the_same_address_and_knows_nothing() {
    let mut site = Site::with(Fsync::Always).await;
    assert_eq!(site.ask("SET k v").await, "+OK\r\n");
    let address = site.address();
    site.inject(FaultKind::Wipe).await;
    site.undo(FaultKind::Wipe).await;
    assert_eq!(site.address(), address);
    assert_eq!(site.ask("DBSIZE").await, ":0\r\n");
    // What is written from now on is kept.
    assert_eq!(site.ask("SET k w").await, "+OK\r\n");
    site.inject(FaultKind::Kill).await;
    site.undo(FaultKind::Kill).await;
    assert_eq!(site.ask("GET k").await, "$1\r\nw\r\n");
    site.end().await;
}

/// Strikes it while it is written to, and says how many writes were acknowledged: k0, k1 and so on.
async fn killed_while_written_to(site: &mut Site) -> usize {
    let mut console = Console::open(site.address()).await.unwrap();
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
    site.inject(FaultKind::TailLost).await;
    writer.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unsynced_tail_of_a_log_is_lost_and_no_more() {
    let mut site = Site::with(Fsync::Everysec).await;
    let acknowledged = killed_while_written_to(&mut site).await;
    assert!(!probe::answers(site.address()).await);
    let evidence = site.evidence().await;
    assert!(evidence.contains(" bytes of its log were cut off, as not synced"), "{evidence}");
    assert!(!evidence.contains("; 0 of the"), "{evidence}");
    site.undo(FaultKind::TailLost).await;
    assert_eq!(site.ask("GET k0").await, "$1\r\nv\r\n");
    let last = format!("GET k{}", acknowledged - 1);
    assert_eq!(site.ask(&last).await, "$-1\r\n");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_always_synced_loses_nothing() {
    let mut site = Site::with(Fsync::Always).await;
    assert_eq!(site.ask("SET new v").await, "+OK\r\n");
    site.inject(FaultKind::TailLost).await;
    let evidence = site.evidence().await;
    assert!(evidence.ends_with(": nothing was lost"), "{evidence}");
    site.undo(FaultKind::TailLost).await;
    assert_eq!(site.ask("GET new").await, "$1\r\nv\r\n");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptor_is_told_to_have_trouble_and_is_freed_of_it() {
    let mut site = Site::with(Fsync::Always).await;
    let (line, _) = Line::open(site.address(), PATIENCE).await;
    site.inject(FaultKind::Disconnect).await;
    assert_eq!(line.unwrap().ask(PATIENCE).await, Seen::Torn);
    site.undo(FaultKind::Disconnect).await;
    assert_eq!(site.ask("SET k v").await, "+OK\r\n");

    site.inject(FaultKind::Stall).await;
    assert_eq!(site.seen().await, Seen::Silent);
    site.undo(FaultKind::Stall).await;
    assert!(matches!(site.seen().await, Seen::Answered(_)));

    let before = site.ask("CONFIG GET maxmemory").await;
    site.inject(FaultKind::MemoryFull).await;
    assert!(site.ask("SET k w").await.starts_with("-OOM "));
    site.undo(FaultKind::MemoryFull).await;
    assert_eq!(site.ask("CONFIG GET maxmemory").await, before);
    assert_eq!(site.ask("SET k w").await, "+OK\r\n");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ends_at_once_is_told_with_its_last_words() {
    let mut site = Site::with(Fsync::Always).await;
    let spec = super::Spec {
        name: site.ground.names.acceptor(2),
        image: site.ground.image.clone(),
        command: ["redis-server", "--no-such-setting", "1"].map(String::from).to_vec(),
        address: site.ground.subnet.acceptor(2),
        port: 6379,
    };
    let failed = match site.ground.start(spec).await {
        Ok(container) => container.up(probe::answers).await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(failed.contains(&site.ground.names.acceptor(2)), "{failed}");
    site.acceptor.vanish(&site.ground).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_has_ended_for_good_refuses_at_once() {
    let mut site = Site::with(Fsync::Always).await;
    site.acceptor.retire(&site.ground).await.unwrap();
    assert_eq!(site.seen().await, Seen::Refused);
    assert!(site.evidence().await.ends_with(" is removed"));
    site.end().await;
}
