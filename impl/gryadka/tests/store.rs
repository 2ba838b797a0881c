//! The store as its callers see it, over acceptors that come and go.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use caspaxos::{Reply, Request};
use gryadka::{
    Acceptor, AcceptorId, Bytes, CasAnswer, ChangeError, Configuration, Lost, NativeAcceptor,
    NativeRegisters, NativeServer, Options, ProposerId, Step, Store, Versioned, Why,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

struct Cluster {
    servers: BTreeMap<AcceptorId, NativeServer>,
    registers: BTreeMap<AcceptorId, NativeRegisters>,
    addresses: BTreeMap<AcceptorId, SocketAddr>,
}

impl Cluster {
    fn start(size: u32) -> Self {
        let mut cluster = Self {
            servers: BTreeMap::new(),
            registers: BTreeMap::new(),
            addresses: BTreeMap::new(),
        };
        for id in (1..=size).map(AcceptorId) {
            cluster.registers.insert(id, NativeRegisters::default());
            cluster.addresses.insert(id, "127.0.0.1:0".parse().unwrap());
            cluster.up(id);
        }
        cluster
    }

    fn up(&mut self, id: AcceptorId) {
        let server = NativeServer::start(self.addresses[&id], self.registers[&id].clone()).unwrap();
        self.addresses.insert(id, server.address());
        self.servers.insert(id, server);
    }

    fn down(&mut self, id: AcceptorId) {
        self.servers.remove(&id);
    }

    fn acceptors(&self) -> impl Iterator<Item = (AcceptorId, NativeAcceptor)> {
        self.addresses
            .iter()
            .map(|(&id, address)| (id, NativeAcceptor::new(&format!("redis://{address}")).unwrap()))
    }

    fn options(&self, proposer: u64) -> Options {
        let configuration = Configuration::majority(self.addresses.keys().copied()).unwrap();
        Options::new(ProposerId(proposer), configuration)
    }

    fn store(&self, proposer: u64) -> Store<NativeAcceptor> {
        let acceptors = self.acceptors().map(|(id, acceptor)| (id, Arc::new(acceptor)));
        Store::new(self.options(proposer), acceptors.collect())
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test]
async fn a_value_written_by_one_proposer_is_read_by_another() {
    let cluster = Cluster::start(3);
    let (one, other) = (cluster.store(1), cluster.store(2));
    assert_eq!(one.get(b"k", soon()).await, Ok(None));
    one.set(b"k", Bytes::from_static(b"\0any\xff"), soon()).await.unwrap();
    assert_eq!(other.get(b"k", soon()).await, Ok(Some(Bytes::from_static(b"\0any\xff"))));
    assert_eq!(other.get(b"another", soon()).await, Ok(None));
}

#[tokio::test]
async fn compare_and_set_goes_by_the_version() {
    let cluster = Cluster::start(3);
    let store = cluster.store(1);
    let set =
        |version, value: &'static str| store.compare_and_set(b"k", version, value.into(), soon());
    assert_eq!(set(1, "early").await, Ok(CasAnswer::Mismatch(None)));
    assert_eq!(set(0, "one").await, Ok(CasAnswer::Set(1)));
    let one = Versioned { version: 1, value: "one".into() };
    assert_eq!(set(0, "again").await, Ok(CasAnswer::Mismatch(Some(one))));
    assert_eq!(set(1, "two").await, Ok(CasAnswer::Set(2)));
    let two = Versioned { version: 2, value: "two".into() };
    assert_eq!(store.get_versioned(b"k", soon()).await, Ok(Some(two)));
}

#[tokio::test]
async fn contending_proposers_lose_no_increment() {
    let cluster = Cluster::start(3);
    let stores: Vec<_> = (1..=3).map(|id| Arc::new(cluster.store(id))).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for store in stores.iter().cycle().take(6) {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut sure = (0_u64, 0_u64);
            for _ in 0..50 {
                match store.change(b"n", increment, soon()).await {
                    Ok(_) => sure.0 += 1,
                    Err(ChangeError::Unknown(_)) => sure.1 += 1,
                    Err(ChangeError::NotApplied(_)) => {}
                }
            }
            sure
        });
    }
    let (done, unknown) = tasks.join_all().await.iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let total = number(stores[0].get(b"n", soon()).await.unwrap().as_ref());
    assert!(done > 0);
    assert!(
        (done..=done + unknown).contains(&total),
        "{done} done, {unknown} unknown, {total} there"
    );
}

fn number(value: Option<&Bytes>) -> u64 {
    value.map_or(0, |bytes| u64::from_be_bytes(bytes.as_ref().try_into().unwrap()))
}

fn increment(present: Option<&Bytes>) -> Step<Bytes, u64> {
    let next = number(present) + 1;
    Step::Put(Some(Bytes::copy_from_slice(&next.to_be_bytes())), next)
}

#[tokio::test]
async fn one_acceptor_of_three_may_go_and_come_back() {
    let mut cluster = Cluster::start(3);
    let store = cluster.store(1);
    for round in 0..6 {
        let id = AcceptorId(round % 3 + 1);
        cluster.down(id);
        assert_eq!(store.change(b"n", increment, soon()).await, Ok(u64::from(round) * 2 + 1));
        cluster.up(id);
        assert_eq!(store.change(b"n", increment, soon()).await, Ok(u64::from(round) * 2 + 2));
    }
}

#[tokio::test]
async fn without_a_quorum_a_change_ends_by_its_deadline_and_the_key_is_free_again() {
    let mut cluster = Cluster::start(3);
    let store = cluster.store(1);
    cluster.down(AcceptorId(1));
    cluster.down(AcceptorId(2));
    let deadline = Instant::now() + Duration::from_millis(300);
    let error = store.set(b"k", "x".into(), deadline).await.unwrap_err();
    assert!(matches!(error, ChangeError::NotApplied(_)), "{error}");
    cluster.up(AcceptorId(1));
    assert_eq!(store.get(b"k", soon()).await, Ok(None));
}

#[tokio::test]
async fn without_any_acceptor_a_change_fails_at_once() {
    let configuration = Configuration::majority([AcceptorId(1)]).unwrap();
    let store =
        Store::<NativeAcceptor>::new(Options::new(ProposerId(1), configuration), BTreeMap::new());
    let deadline = Instant::now() + Duration::from_millis(100);
    let error = store.get(b"k", deadline).await.unwrap_err();
    assert_eq!(error, ChangeError::NotApplied(Why::Unreachable));
}

/// An acceptor that may take requests and never say a word.
struct MaybeMute {
    acceptor: NativeAcceptor,
    mute: bool,
}

impl Acceptor for MaybeMute {
    async fn call(&self, key: Bytes, request: Request<Bytes>) -> Result<Reply<Bytes>, Lost> {
        if self.mute {
            std::future::pending::<()>().await;
        }
        self.acceptor.call(key, request).await
    }
}

/// Found by the harness: with one acceptor paused, a contended key stood still until every deadline,
/// because a round that had met a conflict went on waiting for the silent one.
#[tokio::test]
async fn a_silent_acceptor_does_not_hold_up_a_contended_key() {
    let cluster = Cluster::start(3);
    let mut tasks = tokio::task::JoinSet::new();
    for proposer in 1..=3 {
        let acceptors = cluster.acceptors().map(|(id, acceptor)| {
            (id, Arc::new(MaybeMute { acceptor, mute: id == AcceptorId(3) }))
        });
        let store = Store::new(cluster.options(proposer), acceptors.collect());
        tasks.spawn(async move {
            for _ in 0..20 {
                // Doubts are part of contention; to wait until the deadline for them is not.
                let deadline = Instant::now() + Duration::from_secs(600);
                store.change(b"n", increment, deadline).await.ok();
            }
        });
    }
    let all = tokio::time::timeout(Duration::from_secs(60), tasks.join_all());
    all.await.expect("the key stands still");
}
