//! Rescans of real Redis servers that restart, or lose their memory, in the middle.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Redis;
use gryadka::{
    Acceptor, Bytes, ConnectOptions, Cursor, Gryadka, Membership, MembershipError, MembershipEvent,
    MembershipOptions, RemoteAcceptor,
};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "no"];
/// More than three pages of a listing.
const KEYS: usize = 4_000;

fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

async fn join(servers: &[&Redis]) -> Gryadka {
    let urls = servers.iter().map(|server| server.address.clone());
    Gryadka::connect(ConnectOptions { initialise: true, ..ConnectOptions::new(urls) })
        .await
        .unwrap()
}

async fn write_all(store: &Gryadka) {
    let mut writing = JoinSet::new();
    for key in 0..KEYS {
        let store = store.clone();
        let name = format!("cold {key}");
        writing.spawn(async move {
            store.set(name.as_bytes(), name.clone().into(), within(30)).await.unwrap();
        });
    }
    writing.join_all().await;
}

/// How many of the keys cannot be read.
async fn missing(store: &Gryadka) -> usize {
    let names: Vec<_> = (0..KEYS).map(|key| format!("cold {key}")).collect();
    let keys: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    let found = store.get_many(&keys, within(30)).await;
    let is_missing = |(name, found): &(&String, Result<Option<gryadka::Versioned>, _>)| {
        found.as_ref().unwrap().as_ref().is_none_or(|it| it.value != name.as_bytes())
    };
    names.iter().zip(found).filter(is_missing).count()
}

/// Any two of three acceptors know every key.
async fn every_quorum_has_every_key(mut servers: [Redis; 3]) {
    for away in 0..servers.len() {
        servers[away].stop();
        let quorum: Vec<_> =
            (0..servers.len()).filter(|at| *at != away).map(|at| &servers[at]).collect();
        let missing = missing(&join(&quorum).await).await;
        assert_eq!(missing, 0, "without the acceptor at {}", servers[away].address);
        servers[away].start_again();
    }
}

#[tokio::test]
async fn a_listing_ends_with_the_server_process_that_it_began_on() {
    let mut server = Redis::with(&DURABLE);
    let store = join(&[&server]).await;
    write_all(&store).await;
    let acceptor = RemoteAcceptor::new(&server.address, "gryadka:").unwrap();
    let first = acceptor.list(Cursor::default()).await.unwrap();
    let after = first.next.unwrap();
    assert!(acceptor.list(after.clone()).await.is_ok(), "the same process goes on");
    server.restart();
    for _ in 0..3 {
        let answer = acceptor.list(after.clone()).await;
        assert!(answer.is_err(), "a cursor of the process before: {answer:?}");
    }
    let (mut keys, mut next) = (BTreeSet::<Bytes>::new(), Some(Cursor::default()));
    while let Some(cursor) = next {
        let page = acceptor.list(cursor).await.unwrap();
        keys.extend(page.keys);
        next = page.next;
    }
    assert_eq!(keys.len(), KEYS);
}

/// Keys are acknowledged by 2 and 3 while 1 is down; 2 fails for good and is replaced by 4; 3 restarts
/// between two pages of the listing. Then 1 and 4 alone must know every key.
#[tokio::test]
async fn a_rescan_misses_no_key_of_a_server_that_restarts_between_two_pages() {
    let [mut first, second, third, fourth] = [(); 4].map(|()| Redis::with(&DURABLE));
    let store = join(&[&first, &second, &third]).await;
    first.stop();
    write_all(&store).await;
    first.start_again();
    drop(second);
    let restarting = Mutex::new(Some(third));
    let watch = |event: MembershipEvent| {
        if matches!(event, MembershipEvent::Rescanned { keys, .. } if keys >= 1_000) {
            let mut server = restarting.lock().unwrap();
            if let Some(server) = server.as_mut().filter(|server| server.restarts() == 0) {
                server.restart();
            }
        }
    };
    let change = Membership::Replace { old: 2, new: fourth.address.clone() };
    let options = MembershipOptions { deadline: within(60) };
    store.change_membership(change, options, &watch).await.unwrap();
    let third = restarting.into_inner().unwrap().unwrap();
    assert_eq!(third.restarts(), 1, "it has not been restarted in the middle");
    every_quorum_has_every_key([first, third, fourth]).await;
}

/// Keys are acknowledged by 2 and 3 while 1 is down. During the change 2 is out of reach, and 3 loses its
/// memory after it was notified of the new epoch: what 1 and 3 list then is not complete.
#[tokio::test]
async fn a_rescan_is_not_complete_with_an_acceptor_that_lost_its_memory_meanwhile() {
    let [mut first, mut second, third, fourth] = [(); 4].map(|()| Redis::with(&DURABLE));
    let store = join(&[&first, &second, &third]).await;
    first.stop();
    write_all(&store).await;
    first.start_again();
    second.stop();
    let watch = |event: MembershipEvent| {
        if matches!(event, MembershipEvent::Fenced(_)) {
            third.execute("FLUSHALL");
        }
    };
    let change = Membership::Grow(vec![fourth.address.clone()]);
    let options = MembershipOptions { deadline: within(4) };
    let ended = store.change_membership(change, options, &watch).await;
    assert!(matches!(ended, Err(MembershipError::Deadline)), "{ended:?}");
    second.start_again();
    let options = MembershipOptions { deadline: within(60) };
    store.change_membership(Membership::Resume, options, &|_| {}).await.unwrap();
    let store = join(&[&first, &second, &fourth]).await;
    assert_eq!(missing(&store).await, 0);
}
