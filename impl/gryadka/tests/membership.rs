//! Changes of membership while clients write, with drivers that are killed at every step.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod natives;

use gryadka::{Gryadka, Membership, MembershipError, MembershipEvent, MembershipOptions};
use natives::{Native, Natives, increment, number, soon};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

const COLD: usize = 40;
const HOT: usize = 4;

fn options() -> MembershipOptions {
    MembershipOptions { deadline: Instant::now() + Duration::from_secs(60) }
}

/// Keys that are written once, and clients that count on a few others.
struct Load {
    stop: Arc<AtomicBool>,
    counted: Arc<Vec<AtomicU64>>,
    clients: JoinSet<()>,
}

impl Load {
    async fn start(stores: &[Gryadka]) -> Self {
        for key in 0..COLD {
            let value = format!("cold {key}");
            stores[0].set(value.as_bytes(), value.clone().into(), soon()).await.unwrap();
        }
        let stop = Arc::new(AtomicBool::new(false));
        let counted = Arc::new((0..HOT).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
        let mut clients = JoinSet::new();
        for client in 0..HOT * 2 {
            let (stop, counted) = (Arc::clone(&stop), Arc::clone(&counted));
            let store = stores[client % stores.len()].clone();
            clients.spawn(async move {
                let key = client % HOT;
                while !stop.load(Ordering::Relaxed) {
                    let name = format!("hot {key}");
                    store.change(name.as_bytes(), increment, soon()).await.unwrap();
                    counted[key].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { stop, counted, clients }
    }

    /// Waits until every key has been counted on some more.
    async fn goes_on(&self) {
        for counted in self.counted.iter() {
            let before = counted.load(Ordering::Relaxed);
            while counted.load(Ordering::Relaxed) < before + 5 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Ends the load and checks with a joining that nothing is lost and nothing has come twice.
    async fn end(self, store: &Gryadka) {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
        for key in 0..COLD {
            let value = format!("cold {key}");
            let found = store.get(value.as_bytes(), soon()).await.unwrap();
            assert_eq!(found.map(|found| found.value), Some(value.into()));
        }
        for (key, counted) in self.counted.iter().enumerate() {
            let found = store.get(format!("hot {key}").as_bytes(), soon()).await.unwrap().unwrap();
            assert_eq!(number(Some(&found.value)), counted.load(Ordering::Relaxed), "hot {key}");
        }
    }
}

/// Drives a change with drivers that stop one after the other: the first after its first step, the
/// next after its second, and so on until one gets to the end.
async fn change_by_drivers_that_stop(store: &Gryadka, change: Membership) {
    let mut next = change;
    for lives in 1.. {
        let (steps, dead) = (AtomicUsize::new(0), Notify::new());
        let watch = |_: MembershipEvent| {
            if steps.fetch_add(1, Ordering::Relaxed) + 1 == lives {
                dead.notify_one();
            }
        };
        tokio::select! {
            biased;
            () = dead.notified() => {}
            done = store.change_membership(next.clone(), options(), &watch) => {
                let done = done.unwrap();
                assert!(done.is_rescan_complete() && done.target.is_none(), "{done:?}");
                return;
            }
        }
        // Until the target is in the store there is nothing to resume.
        next = Membership::Resume;
    }
}

#[tokio::test]
async fn three_four_five_four_three() {
    let mut cluster = Natives::start(3);
    let stores = [cluster.join().await, cluster.join().await];
    let load = Load::start(&stores).await;
    for (size, grows) in [(4_u32, true), (5, true), (4, false), (3, false)] {
        let change = if grows {
            cluster.members.push(Native::start());
            Membership::Grow(vec![cluster.members.last().unwrap().url()])
        } else {
            Membership::Shrink(vec![6 - size])
        };
        change_by_drivers_that_stop(&stores[0], change).await;
        load.goes_on().await;
        assert_eq!(stores[0].cluster().await.unwrap().config.members().len(), size as usize);
    }
    // 1 is still there; 2 and 3 have left.
    cluster.stop(1);
    cluster.stop(2);
    load.end(&stores[1]).await;
}

#[tokio::test]
async fn three_dead_acceptors_are_replaced_by_empty_ones() {
    let mut cluster = Natives::start(3);
    let stores = [cluster.join().await, cluster.join().await];
    let load = Load::start(&stores).await;
    for old in 1..=3 {
        cluster.stop(old as usize - 1);
        cluster.members.push(Native::start());
        let new = cluster.members.last().unwrap().url();
        change_by_drivers_that_stop(&stores[1], Membership::Replace { old, new }).await;
        load.goes_on().await;
    }
    load.end(&stores[0]).await;
    assert_eq!(stores[0].cluster().await.unwrap().config.members(), [4, 5, 6].into());
}

#[tokio::test]
async fn acceptors_that_lost_their_memory_join_again_one_after_the_other() {
    let mut cluster = Natives::start(3);
    let stores = [cluster.join().await, cluster.join().await];
    let load = Load::start(&stores).await;
    for old in 1..=3 {
        let index = old as usize - 1;
        cluster.wipe(index).await;
        load.goes_on().await;
        assert_eq!(cluster.registers()[index], 0, "it votes without having joined again");
        let new = cluster.members[index].url();
        let change = Membership::Replace { old, new };
        let done = stores[0].change_membership(change, options(), &|_| {}).await;
        assert_eq!(done.unwrap().members().len(), 3);
    }
    load.end(&stores[1]).await;
}

#[tokio::test]
async fn a_proposer_that_slept_through_several_steps_catches_up() {
    let mut cluster = Natives::start(3);
    let (driver, sleeper) = (cluster.join().await, cluster.join().await);
    driver.set(b"k", "x".into(), soon()).await.unwrap();
    sleeper.set(b"k", "y".into(), soon()).await.unwrap();
    // None of the acceptors that it knows is a member any more.
    for old in 1..=3 {
        cluster.members.push(Native::start());
        let new = cluster.members.last().unwrap().url();
        let change = Membership::Replace { old, new };
        driver.change_membership(change, options(), &|_| {}).await.unwrap();
    }
    driver.set(b"k", "z".into(), soon()).await.unwrap();
    assert_eq!(sleeper.get(b"k", soon()).await.unwrap().unwrap().value, "z");
    sleeper.set(b"k", "last".into(), soon()).await.unwrap();
    assert_eq!(driver.get(b"k", soon()).await.unwrap().unwrap().value, "last");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_name() {
    let cluster = Natives::start(3);
    let store = cluster.join().await;
    let refused = async |change| {
        let done = store.change_membership(change, options(), &|_| {}).await;
        done.unwrap_err().to_string()
    };
    assert_eq!(
        refused(Membership::Shrink(vec![7])).await,
        "unknown acceptor 7; members are 1, 2, 3"
    );
    let all = Membership::Shrink(vec![1, 2, 3]);
    assert_eq!(refused(all).await, "a cluster needs at least one acceptor");
    let url = cluster.members[0].url();
    let twice = refused(Membership::Grow(vec![url])).await;
    assert!(twice.ends_with("is the address of a member already"), "{twice}");

    // An acceptor of another cluster does not join.
    let others = Natives::start(1);
    drop(others.join().await);
    let change = Membership::Grow(vec![others.members[0].url()]);
    let done = store.change_membership(change, options(), &|_| {}).await;
    assert!(matches!(done, Err(MembershipError::JoinFailed { id: 4, .. })), "{done:?}");
    assert_eq!(store.cluster().await.unwrap().config.target, None);
}

#[tokio::test]
async fn a_change_that_cannot_go_on_can_be_given_up() {
    let mut cluster = Natives::start(3);
    let store = cluster.join().await;
    cluster.members.push(Native::start());
    let announced = Notify::new();
    let watch = |_: MembershipEvent| announced.notify_one();
    let change = Membership::Grow(vec![cluster.members[3].url()]);
    tokio::select! {
        biased;
        () = announced.notified() => {}
        done = store.change_membership(change.clone(), options(), &watch) => {
            panic!("the driver did not die: {done:?}")
        }
    }
    cluster.stop(3);
    let resumed = store.change_membership(Membership::Resume, options(), &|_| {});
    assert!(matches!(resumed.await, Err(MembershipError::JoinFailed { .. })));
    let again = store.change_membership(change, options(), &|_| {}).await;
    assert!(matches!(again, Err(MembershipError::Busy(_))), "{again:?}");
    let given_up = store.change_membership(Membership::Cancel, options(), &|_| {});
    assert_eq!(given_up.await.unwrap().members(), [1, 2, 3].into());
    let smaller = Membership::Shrink(vec![3]);
    let done = store.change_membership(smaller, options(), &|_| {}).await;
    assert_eq!(done.unwrap().members(), [1, 2].into());
}
