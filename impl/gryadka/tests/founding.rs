//! How clusters are made of real Redis servers: at the same time, and after all of them were replaced.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Redis;
use gryadka::{
    BootstrapError, ConnectError, ConnectOptions, Gryadka, Membership, MembershipOptions,
};
use std::time::Duration;
use tokio::time::Instant;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn servers<const N: usize>() -> [Redis; N] {
    std::array::from_fn(|_| Redis::start())
}

async fn initialise<'a>(
    servers: impl IntoIterator<Item = &'a Redis>,
) -> Result<Gryadka, ConnectError> {
    let urls = servers.into_iter().map(|server| server.address.clone());
    Gryadka::connect(ConnectOptions { initialise: true, ..ConnectOptions::new(urls) }).await
}

/// Replaces all acceptors of a cluster by others, whose ids come after theirs.
async fn replace_all(store: &Gryadka, by: &[Redis]) {
    for (old, new) in (1..).zip(by) {
        let change = Membership::Replace { old, new: new.address.clone() };
        let options = MembershipOptions { deadline: soon() };
        store.change_membership(change, options, &|_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn an_old_list_of_acceptors_leads_to_the_cluster_that_has_moved_on() {
    let (old, new) = (servers::<3>(), servers::<3>());
    let store = initialise(&old).await.unwrap();
    store.set(b"k", "hello".into(), soon()).await.unwrap();
    replace_all(&store, &new).await;
    drop(store);
    let again = initialise(&old).await.unwrap();
    assert_eq!(again.get(b"k", soon()).await.unwrap().unwrap().value, "hello");
    let members = again.cluster().await.unwrap().config.members();
    assert_eq!(members.into_iter().collect::<Vec<_>>(), [4, 5, 6]);
}

#[tokio::test]
async fn an_old_list_of_acceptors_makes_no_second_cluster_where_the_first_is_out_of_reach() {
    let old = servers::<3>();
    let moved = {
        let new = servers::<3>();
        let store = initialise(&old).await.unwrap();
        replace_all(&store, &new).await;
        drop((store, new));
        initialise(&old).await
    };
    let Err(ConnectError::Bootstrap(error @ BootstrapError::Moved { .. })) = moved else {
        panic!("{:?}", moved.err())
    };
    assert!(error.to_string().contains("gryadka cluster release"), "{error}");
    // One of them among fresh servers is refused as well.
    let fresh = servers::<2>();
    let mixed = initialise([&fresh[0], &old[1], &fresh[1]]).await;
    assert!(matches!(mixed, Err(ConnectError::Bootstrap(BootstrapError::Moved { .. }))));
}

/// The process that comes first decides, whatever the order of the lists.
#[tokio::test]
async fn processes_that_make_a_cluster_at_the_same_time_make_one() {
    for _ in 0..10 {
        let servers = servers::<3>();
        let [a, b, c] = &servers;
        let all = tokio::join!(
            initialise([a, b, c]),
            initialise([c, b, a]),
            initialise([b, a, c]),
            initialise([c, a, b]),
        );
        let stores = [all.0.unwrap(), all.1.unwrap(), all.2.unwrap(), all.3.unwrap()];
        stores[0].set(b"k", "one".into(), soon()).await.unwrap();
        for store in &stores {
            assert_eq!(store.get(b"k", soon()).await.unwrap().unwrap().value, "one");
            let status = store.cluster().await.unwrap();
            assert!(status.acceptors.iter().all(|acceptor| acceptor.votes), "{status:?}");
        }
    }
}
