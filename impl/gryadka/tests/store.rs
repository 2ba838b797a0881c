//! The store as its callers see it, over acceptors that come and go.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod natives;

use gryadka::{
    AcceptorId, Bytes, CasAnswer, ChangeError, Configuration, ConnectError, ConnectOptions,
    Decision, Expected, Gryadka, Limits, Options, Present, ProposerId, Reason, RemoteAcceptor,
    Store, TooLong, Versioned,
};
use natives::{Natives, increment, number, soon};
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn a_value_written_by_one_proposer_is_read_by_another() {
    let cluster = Natives::start(3);
    let (one, other) = (cluster.join().await, cluster.join().await);
    assert_eq!(one.get(b"k", soon()).await, Ok(None));
    let version = one.set(b"k", Bytes::from_static(b"\0any\xff"), soon()).await.unwrap();
    let value = Bytes::from_static(b"\0any\xff");
    assert_eq!(other.get(b"k", soon()).await, Ok(Some(Versioned { version, value })));
    assert_eq!(other.get(b"another", soon()).await, Ok(None));
}

#[tokio::test]
async fn compare_and_set_goes_by_what_is_expected() {
    let cluster = Natives::start(3);
    let store = cluster.join().await;
    let set = async |expected, value: &'static str| {
        store.compare_and_set(b"k", expected, value.into(), soon()).await.unwrap()
    };
    assert_eq!(set(Expected::Version(1), "early").await, CasAnswer::Mismatch(None));
    assert_eq!(set(Expected::Present, "early").await, CasAnswer::Mismatch(None));
    let CasAnswer::Set(first) = set(Expected::Absent, "one").await else { panic!("not set") };
    let one = Versioned { version: first, value: "one".into() };
    assert_eq!(set(Expected::Absent, "again").await, CasAnswer::Mismatch(Some(one)));
    assert_eq!(set(Expected::Version(first), "two").await, CasAnswer::Set(first + 1));
    assert_eq!(set(Expected::Anything, "three").await, CasAnswer::Set(first + 2));
}

#[tokio::test]
async fn a_deleted_key_goes_on_with_higher_versions() {
    let cluster = Natives::start(3);
    let store = cluster.join().await;
    let nothing = store.delete(b"k", Expected::Anything, soon()).await;
    assert_eq!(nothing, Ok(CasAnswer::Mismatch(None)));
    let first = store.set(b"k", "x".into(), soon()).await.unwrap();
    let deleted = store.delete(b"k", Expected::Version(first), soon()).await;
    assert_eq!(deleted, Ok(CasAnswer::Set(first + 1)));
    assert_eq!(store.get(b"k", soon()).await, Ok(None));
    assert_eq!(store.set(b"k", "y".into(), soon()).await, Ok(first + 2));

    store.delete(b"k", Expected::Present, soon()).await.unwrap();
    assert_eq!(cluster.registers(), [1, 1, 1], "the tombstone");
    assert_eq!(store.collect().await.unwrap().erased, 1);
    assert_eq!(cluster.registers(), [0, 0, 0]);
    assert_eq!(store.get(b"k", soon()).await, Ok(None));
    let again = store.set(b"k", "z".into(), soon()).await.unwrap();
    assert!(again > first + 3, "version {again} may have been there before");
}

#[tokio::test]
async fn contending_proposers_lose_no_increment_and_leave_none_in_doubt() {
    let cluster = Natives::start(3);
    let mut tasks = tokio::task::JoinSet::new();
    let first = cluster.join().await;
    first.change(b"n", increment, soon()).await.unwrap();
    for store in [cluster.join().await, cluster.join().await, first.clone()].iter().cycle().take(9)
    {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..50 {
                store.change(b"n", increment, soon()).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let total = first.get(b"n", soon()).await.unwrap().unwrap();
    assert_eq!(number(Some(&total.value)), 1 + 9 * 50);
}

#[tokio::test]
async fn one_acceptor_of_three_may_go_and_come_back() {
    let mut cluster = Natives::start(3);
    let store = cluster.join().await;
    for round in 0..6 {
        let index = round % 3;
        cluster.stop(index);
        let done = round as u64 * 2;
        assert_eq!(store.change(b"n", increment, soon()).await, Ok(done + 1));
        cluster.start_again(index).await;
        assert_eq!(store.change(b"n", increment, soon()).await, Ok(done + 2));
    }
}

#[tokio::test]
async fn without_a_quorum_a_change_ends_by_its_deadline_and_the_key_is_free_again() {
    let mut cluster = Natives::start(3);
    let store = cluster.join().await;
    cluster.stop(0);
    cluster.stop(1);
    let deadline = Instant::now() + Duration::from_millis(300);
    let error = store.set(b"k", "x".into(), deadline).await.unwrap_err();
    assert!(matches!(error, ChangeError::NotApplied(_)), "{error}");
    cluster.start_again(0).await;
    assert_eq!(store.get(b"k", soon()).await, Ok(None));
}

#[tokio::test]
async fn without_any_acceptor_a_change_fails_by_its_deadline() {
    let configuration = Configuration::majority([AcceptorId(1)]).unwrap();
    let options = Options::new(ProposerId(1), 1, configuration);
    let store = Store::<RemoteAcceptor>::new(options, BTreeMap::new());
    let deadline = Instant::now() + Duration::from_millis(100);
    let error = store.get(b"k", deadline).await.unwrap_err();
    assert_eq!(error, ChangeError::NotApplied(Reason::Unreachable));
}

#[tokio::test]
async fn an_acceptor_that_lost_its_memory_does_not_vote() {
    let mut cluster = Natives::start(3);
    let store = cluster.join().await;
    store.set(b"k", "x".into(), soon()).await.unwrap();
    cluster.wipe(0).await;
    store.set(b"k", "y".into(), soon()).await.unwrap();
    assert_eq!(cluster.registers()[0], 0, "it has taken part without an identity in the cluster");
    cluster.stop(1);
    let deadline = Instant::now() + Duration::from_millis(300);
    let error = store.set(b"k", "z".into(), deadline).await.unwrap_err();
    assert!(!matches!(error, ChangeError::TooLong(_)), "{error}");
}

#[tokio::test]
async fn keys_and_values_have_limits() {
    let cluster = Natives::start(3);
    let store = cluster.join().await;
    let empty = store.set(b"", "x".into(), soon()).await.unwrap_err();
    assert_eq!(empty, ChangeError::TooLong(TooLong::Key { length: 0, limit: 1024 }));
    let long = store.get(&[b'k'; 1025], soon()).await.unwrap_err();
    assert_eq!(long, ChangeError::TooLong(TooLong::Key { length: 1025, limit: 1024 }));
    let value = Bytes::from(vec![0; (16 << 20) + 1]);
    let error = store.set(b"k", value, soon()).await.unwrap_err();
    assert!(matches!(error, ChangeError::TooLong(TooLong::Value { .. })), "{error}");
    assert_eq!(store.get(b"k", soon()).await, Ok(None));
}

#[tokio::test]
async fn a_watch_sees_a_later_value() {
    let cluster = Natives::start(3);
    let store = cluster.join().await;
    let mut watch = store.watch(b"k", Duration::from_millis(1));
    let seen = tokio::spawn(async move { (watch.changed().await, watch.changed().await) });
    for value in ["one", "two"] {
        tokio::time::sleep(Duration::from_millis(200)).await;
        store.set(b"k", value.into(), soon()).await.unwrap();
    }
    let (one, two) = seen.await.unwrap();
    assert_eq!(one.unwrap().unwrap().value, "one");
    assert_eq!(two.unwrap().unwrap().value, "two");
}

#[tokio::test]
async fn many_keys_at_once() {
    let cluster = Natives::start(3);
    let store = cluster.join().await;
    let entries: Vec<_> = [&b"a"[..], b"b", b""].map(|key| (key, Bytes::from_static(b"x"))).into();
    let set = store.set_many(&entries, soon()).await;
    assert!(set[0].is_ok() && set[1].is_ok() && set[2].is_err(), "{set:?}");
    let got = store.get_many(&[b"a", b"c"], soon()).await;
    assert!(matches!(&got[..], [Ok(Some(_)), Ok(None)]), "{got:?}");
}

/// Found by the harness: with one acceptor silent, no change of a contended key committed before its deadline,
/// because a round that had met a conflict went on waiting for the silent one.
#[tokio::test]
async fn a_silent_acceptor_does_not_hold_up_a_contended_key() {
    let cluster = Natives::start(3);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let store = cluster.join_past_a_silent_one(2).await;
        tasks.spawn(async move {
            for _ in 0..20 {
                // Under contention a change may end in doubt, but not only at its deadline.
                let deadline = Instant::now() + Duration::from_secs(600);
                store.change(b"n", increment, deadline).await.ok();
            }
        });
    }
    let all = tokio::time::timeout(Duration::from_secs(60), tasks.join_all());
    all.await.expect("no change of the key commits");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_keep_the_key() {
    let mut cluster = Natives::start(3);
    let store = cluster.join().await;
    cluster.stop(0);
    cluster.stop(1);
    let deadline = Instant::now() + Duration::from_millis(200);
    let gone =
        tokio::time::timeout(Duration::from_millis(20), store.change(b"n", increment, deadline));
    assert!(gone.await.is_err());
    cluster.start_again(0).await;
    store.change(b"n", increment, soon()).await.unwrap();
}

#[tokio::test]
#[should_panic(expected = "the change function panicked")]
async fn a_panic_of_the_change_function_is_its_callers_alone() {
    let cluster = Natives::start(3);
    let store = cluster.join().await;
    let other = store.clone();
    let panics = |_: Present<'_>| -> Decision<Bytes, ()> { panic!("on purpose") };
    let panicked = tokio::spawn(async move { other.change(b"k", panics, soon()).await }).await;
    store.set(b"k", "x".into(), soon()).await.unwrap();
    std::panic::resume_unwind(panicked.unwrap_err().into_panic());
}

/// What a connection has read: many bytes, of which few are a value.
struct Buffer {
    bytes: Vec<u8>,
    freed: Arc<AtomicBool>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.freed.store(true, Ordering::Relaxed);
    }
}

impl Buffer {
    fn of(length: usize) -> (Bytes, Arc<AtomicBool>) {
        let freed = Arc::new(AtomicBool::new(false));
        let buffer = Self { bytes: vec![b'v'; length], freed: Arc::clone(&freed) };
        (Bytes::from_owner(buffer), freed)
    }
}

#[tokio::test]
async fn a_small_value_does_not_keep_the_buffer_that_it_came_in() {
    let cluster = Natives::start(3);
    let store = cluster.join().await;
    let (buffer, freed) = Buffer::of(1 << 20);
    store.set(b"k", buffer.slice(..3), soon()).await.unwrap();
    drop(buffer);
    assert!(freed.load(Ordering::Relaxed));
}

#[tokio::test]
async fn the_cache_forgets_the_oldest_value_when_its_bytes_run_out() {
    let cluster = Natives::start(3);
    drop(cluster.join().await);
    let options = ConnectOptions { cache_bytes: 3 << 20, ..ConnectOptions::new(cluster.urls()) };
    let store = Gryadka::connect(options).await.unwrap();
    let (value, freed) = Buffer::of(2 << 20);
    store.set(b"old", value, soon()).await.unwrap();
    store.set(b"small", "v".into(), soon()).await.unwrap();
    assert!(!freed.load(Ordering::Relaxed), "it is remembered");
    store.set(b"large", vec![b'v'; 2 << 20].into(), soon()).await.unwrap();
    let until = soon();
    while !freed.load(Ordering::Relaxed) {
        assert!(Instant::now() < until, "it is still remembered");
        // The slowest acceptor's request may hold it for a while.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // What is not remembered, or never fits, is changed as well.
    store.set(b"old", vec![b'v'; 4 << 20].into(), soon()).await.unwrap();
    store.set(b"old", "v".into(), soon()).await.unwrap();
}

#[tokio::test]
async fn limits_that_redis_cannot_keep_are_refused_before_anything_is_done() {
    let limits = Limits { value: 512 << 20, ..Limits::default() };
    let nowhere = [String::from("redis://127.0.0.1:1")];
    let options = ConnectOptions { limits, ..ConnectOptions::new(nowhere) };
    let refused = Gryadka::connect(options).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Limits(_)), "{refused}");
}

/// Polls a future outside of any runtime, as another executor would.
fn poll_outside<F: Future>(future: Pin<&mut F>) {
    assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[test]
fn a_store_is_used_outside_of_the_runtime_that_carries_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_cluster, store) = runtime.block_on(async {
        let cluster = Natives::start(3);
        let store = cluster.join().await;
        (cluster, store)
    });
    let mut set = pin!(store.set(b"k", "v".into(), soon()));
    poll_outside(set.as_mut());
    runtime.block_on(set).unwrap();
    let mut get = pin!(store.get(b"k", soon()));
    poll_outside(get.as_mut());
    assert!(runtime.block_on(get).unwrap().is_some());
}

#[test]
fn a_store_whose_acceptors_are_missing_is_used_outside_of_its_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let configuration = |epoch| Configuration::majority([AcceptorId(1)]).unwrap().in_epoch(epoch);
    let store = runtime.block_on(async {
        Store::new(Options::new(ProposerId(1), 7, configuration(1)), BTreeMap::new())
    });
    let mut set = pin!(store.set(b"k", "v".into(), Instant::now() + Duration::from_millis(20)));
    poll_outside(set.as_mut());
    assert_eq!(runtime.block_on(set), Err(ChangeError::NotApplied(Reason::Unreachable)));
    let one = RemoteAcceptor::new("redis://127.0.0.1:1", "").unwrap();
    assert!(store.reconfigure(configuration(2), [(AcceptorId(1), Arc::new(one))].into()));
}

/// Panics in the first step that asks it.
#[cfg(feature = "mutants")]
#[derive(Debug, Default)]
struct PanicsOnce(AtomicBool);

#[cfg(feature = "mutants")]
impl gryadka::Rules for PanicsOnce {
    fn answers_after_the_round(&self) -> bool {
        assert!(self.0.swap(true, Ordering::Relaxed), "a step panics, as the test says");
        true
    }
}

#[cfg(feature = "mutants")]
#[tokio::test]
async fn a_step_that_panics_costs_no_other_key_its_answer() {
    let cluster = Natives::start(1);
    drop(cluster.join().await);
    let rules: Option<Arc<dyn gryadka::Rules>> = Some(Arc::new(PanicsOnce::default()));
    let store = Gryadka::connect(ConnectOptions { rules, ..ConnectOptions::new(cluster.urls()) });
    let store = store.await.unwrap();
    let until = Instant::now() + Duration::from_secs(1);
    // Both are sent in one call, and answered in one.
    let set = |key: &'static [u8]| store.set(key, "v".into(), until);
    let (one, other) = tokio::join!(set(b"one"), set(b"other"));
    assert!(matches!(one, Err(ChangeError::Unknown(_) | ChangeError::NotApplied(_))), "{one:?}");
    assert!(other.is_ok(), "{other:?}");
    store.set(b"third", "v".into(), soon()).await.unwrap();
}
