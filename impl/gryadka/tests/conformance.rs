//! One contract for every kind of acceptor: the pure rules, the native server, a real Redis.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Pure, Redis, execute, head, identity, native};
use gryadka::{
    Acceptor, AcceptorState, Ballot, Bytes, Cursor, Lineage, Page, ProposerId, RemoteAcceptor,
    Request, RequestError, VersionedValue,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;
use std::collections::BTreeSet;

/// What is asked, and what must come back: see `common/words.rs`.
const SCRIPT: &str = include_str!("script.txt");

async fn follows_the_script(acceptor: &impl Acceptor) {
    for line in SCRIPT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (asked, expected) = line.split_once("->").unwrap();
        assert_eq!(execute(acceptor, asked).await, expected.trim(), "after: {asked}");
    }
}

/// Requests that collide often, about few keys, with values of any bytes.
struct RandomRequests {
    random: Pcg32,
    /// Ballots grow with this, so that a run goes on.
    progress: u64,
}

impl RandomRequests {
    fn ballot(&mut self) -> Ballot {
        let counter = self.random.random_range(0..6) + self.progress / 30;
        Ballot { counter, proposer: ProposerId(self.random.random_range(1..4)) }
    }

    fn value(&mut self) -> Option<VersionedValue> {
        let value = match self.random.random_range(0..5) {
            0 => return None,
            1 => None,
            _ => {
                let length = self.random.random_range(0..20);
                Some((0..length).map(|_| self.random.random::<u8>()).collect())
            }
        };
        let ancestors = self.random.random_range(0..=Lineage::LONGEST);
        let lineage = Lineage::of((0..ancestors).map(|_| self.ballot()).collect());
        Some(VersionedValue { version: self.random.random_range(0..1 << 53), value, lineage })
    }

    fn request(&mut self) -> (Bytes, Request) {
        let keys = [&b"a"[..], b"b", b"\0\r\n$-1\r\n", b"\xff\xfe{x}*[]"];
        let key = Bytes::from_static(keys[self.random.random_range(0..keys.len())]);
        let (ballot, next) = (self.ballot(), self.ballot());
        let request = match self.random.random_range(0..11) {
            0..=3 => Request::Prepare { ballot },
            4..=7 => Request::Accept { ballot, value: self.value(), promise: next.max(ballot) },
            8 => Request::Read,
            _ => Request::Collect { tombstone: ballot, promise_floor: next.counter },
        };
        (key, request)
    }
}

async fn agrees_with_the_rules(acceptor: &impl Acceptor, seed: u64) {
    let rules = Pure::default();
    // The script has left another state behind.
    for line in ["retire 7/2", "wipe", "admit 7/1 epoch 1 floor 0 -"] {
        assert_ne!(execute(acceptor, line).await, "not a member");
        assert_ne!(execute(&rules, line).await, "not a member");
    }
    let mut generator = RandomRequests { random: Pcg32::seed_from_u64(seed), progress: 0 };
    for call in 0..1000 {
        let size = generator.random.random_range(1..12);
        let requests: Vec<_> = (0..size).map(|_| generator.request()).collect();
        generator.progress += size;
        let epoch = 1 + call / 100 - generator.random.random_range(0..10) / 9;
        let expected = rules.call(head(epoch), requests.clone()).await;
        let replies = acceptor.call(head(epoch), requests.clone()).await;
        for (at, (reply, expected)) in replies.iter().zip(&expected).enumerate() {
            assert_eq!(reply, expected, "seed {seed}, call {call}, {at}th of {requests:?}");
        }
        assert_eq!(replies.len(), expected.len());
    }
    for question in ["status", "list"] {
        assert_eq!(execute(acceptor, question).await, execute(&rules, question).await);
    }
}

/// All keys of a listing that came in several pages.
async fn pages(list: impl AsyncFn(Cursor) -> Page) -> BTreeSet<Bytes> {
    let (mut keys, mut pages, mut cursor) = (BTreeSet::new(), 0, Some(Cursor::default()));
    while let Some(at) = cursor {
        let page = list(at).await;
        keys.extend(page.keys);
        pages += 1;
        cursor = page.next;
    }
    assert!(pages > 1);
    keys
}

/// More registers than a page has, all of them tombstones.
async fn lists_all_and_wipes_all(acceptor: &impl Acceptor) {
    for line in ["retire 7/1", "wipe", "admit 7/1 epoch 1 floor 0 -"] {
        assert_ne!(execute(acceptor, line).await, "not a member");
    }
    let ballot = Ballot { counter: 1, proposer: ProposerId(1) };
    let tombstone = VersionedValue { version: 1, value: None, lineage: Lineage::default() };
    let request = Request::Accept { ballot, value: Some(tombstone), promise: ballot };
    let keys: BTreeSet<_> =
        (0..2500_u16).map(|key| Bytes::from(key.to_be_bytes().to_vec())).collect();
    let call = keys.iter().map(|key| (key.clone(), request.clone())).collect();
    assert!(acceptor.call(head(1), call).await.iter().all(Result::is_ok));
    assert_eq!(pages(async |cursor| acceptor.list(cursor).await.unwrap()).await, keys);
    assert_eq!(pages(async |cursor| acceptor.tombstones(cursor).await.unwrap()).await, keys);

    // A register that gets a value leaves the tombstone index; one that is promised and holds nothing is in it.
    let first = keys.first().unwrap();
    let ballot = Ballot { counter: 2, ..ballot };
    let versioned =
        VersionedValue { version: 2, value: Some("x".into()), lineage: Lineage::default() };
    let live = Request::Accept { ballot, value: Some(versioned), promise: ballot };
    let fresh = Bytes::from_static(b"promised only");
    let call = vec![(first.clone(), live), (fresh.clone(), Request::Prepare { ballot })];
    assert!(acceptor.call(head(1), call).await.iter().all(Result::is_ok));
    let tombstones = pages(async |cursor| acceptor.tombstones(cursor).await.unwrap()).await;
    assert!(
        !tombstones.contains(first)
            && tombstones.contains(&fresh)
            && tombstones.len() == keys.len()
    );

    assert_eq!(execute(acceptor, "wipe").await, "not a member");
    assert_eq!(execute(acceptor, "retire 7/1").await, "done");
    assert_eq!(execute(acceptor, "wipe").await, "erased 2501");
    assert_eq!(execute(acceptor, "list").await, "none");
    assert_eq!(execute(acceptor, "tombstones").await, "none");
}

/// Registers of an earlier life would vote in the next one.
async fn is_admitted_only_when_wiped(acceptor: &impl Acceptor) {
    let admit = "admit 7/3 epoch 1 floor 0 -";
    execute(acceptor, "wipe").await;
    assert_eq!(execute(acceptor, admit).await, "done");
    assert_eq!(execute(acceptor, "7/3 1 k prepare 1.1").await, "promise 0.0 - floor 0");
    assert_eq!(execute(acceptor, "retire 7/3").await, "done");
    let state = AcceptorState { identity: identity("7/4"), epoch: 1, promise_floor: 0 };
    let refused = acceptor.admit(state, Bytes::new(), 0).await;
    assert!(matches!(refused, Err(RequestError::Refused(_))), "{refused:?}");
    assert_eq!(execute(acceptor, "wipe").await, "erased 1");
    assert_eq!(execute(acceptor, admit).await, "done");
    // The same of one that has left before it held anything.
    assert_eq!(execute(acceptor, "retire 7/3").await, "done");
    let refused = acceptor.admit(state, Bytes::new(), 0).await;
    assert!(matches!(refused, Err(RequestError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn the_pure_rules_conform() {
    follows_the_script(&Pure::default()).await;
    is_admitted_only_when_wiped(&Pure::default()).await;
}

#[tokio::test]
async fn the_native_acceptor_conforms() {
    let (_server, acceptor) = native();
    follows_the_script(&acceptor).await;
    agrees_with_the_rules(&acceptor, 7).await;
    lists_all_and_wipes_all(&acceptor).await;
    is_admitted_only_when_wiped(&acceptor).await;
}

#[tokio::test]
async fn redis_conforms() {
    let server = Redis::start();
    let acceptor = RemoteAcceptor::new(&server.address, "te*st[a]:").unwrap();
    // Neighbours whose keys look alike.
    server.execute("SET te*st[a]: neighbour");
    server.execute("SET test[a]:=key neighbour");
    server.execute("SET testa:=key neighbour");
    follows_the_script(&acceptor).await;
    agrees_with_the_rules(&acceptor, 8).await;
    lists_all_and_wipes_all(&acceptor).await;
    is_admitted_only_when_wiped(&acceptor).await;
}
