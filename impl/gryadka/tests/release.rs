//! Real Redis servers that have left their cluster are freed for another one, and no others are.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Redis;
use gryadka::{
    ConnectOptions, Gryadka, Membership, MembershipOptions, ReleaseError, Released, release,
};
use std::time::Duration;
use tokio::time::Instant;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn options(servers: &[&Redis]) -> ConnectOptions {
    let urls = servers.iter().map(|server| server.address.clone());
    ConnectOptions { initialise: true, ..ConnectOptions::new(urls) }
}

async fn shrink(store: &Gryadka, id: u32) {
    let options = MembershipOptions { deadline: soon() };
    store.change_membership(Membership::Shrink(vec![id]), options, &|_| {}).await.unwrap();
}

async fn free(server: &Redis) -> Result<Released, ReleaseError> {
    release(&server.address, &ConnectOptions::new([])).await
}

/// What is left under the prefix, beside the token of a wipe.
fn left(server: &Redis) -> Vec<String> {
    let keys: Vec<String> = redis::from_redis_value(server.execute("KEYS gryadka:*")).unwrap();
    let fields: Vec<String> = redis::from_redis_value(server.execute("HKEYS gryadka:!")).unwrap();
    keys.into_iter().chain(fields).filter(|it| it != "gryadka:!" && it != "wipe_token").collect()
}

#[tokio::test]
async fn a_server_that_has_left_its_cluster_is_freed_and_founds_another() {
    let servers = [Redis::start(), Redis::start(), Redis::start()];
    let store = Gryadka::connect(options(&servers.each_ref())).await.unwrap();
    store.set(b"k", "v".into(), soon()).await.unwrap();
    shrink(&store, 3).await;
    assert!(left(&servers[2]).contains(&String::from("retired")));
    let released = free(&servers[2]).await.unwrap();
    assert!(released.cluster.is_some() && released.erased > 0, "{released:?}");
    assert!(left(&servers[2]).is_empty(), "{:?}", left(&servers[2]));
    let other = Gryadka::connect(options(&[&servers[2]])).await.unwrap();
    assert_eq!(other.get(b"k", soon()).await.unwrap(), None);
    assert_eq!(store.get(b"k", soon()).await.unwrap().unwrap().value, "v");
    // A server that never belonged to a cluster is free already.
    let fresh = Redis::start();
    assert_eq!(free(&fresh).await.unwrap(), Released { cluster: None, erased: 0 });
}

#[tokio::test]
async fn a_member_is_not_freed() {
    let servers = [Redis::start(), Redis::start(), Redis::start()];
    let store = Gryadka::connect(options(&servers.each_ref())).await.unwrap();
    store.set(b"k", "v".into(), soon()).await.unwrap();
    for changed in [false, true] {
        for server in &servers[..2] {
            let refused = free(server).await.unwrap_err();
            assert!(matches!(refused, ReleaseError::Member { .. }), "{changed}: {refused}");
        }
        if !changed {
            shrink(&store, 3).await;
        }
    }
    assert!(store.cluster().await.unwrap().acceptors.iter().all(|acceptor| acceptor.votes));
    assert_eq!(store.get(b"k", soon()).await.unwrap().unwrap().value, "v");
}

#[tokio::test]
async fn a_server_that_was_down_when_it_was_removed_is_freed_once_its_cluster_says_so() {
    let mut servers = [Redis::start(), Redis::start(), Redis::start()];
    let store = Gryadka::connect(options(&servers.each_ref())).await.unwrap();
    store.set(b"k", "v".into(), soon()).await.unwrap();
    servers[2].stop();
    shrink(&store, 3).await;
    servers[2].restart();
    assert!(left(&servers[2]).contains(&String::from("identity")));
    // No acceptor of its cluster answers.
    servers[0].stop();
    servers[1].stop();
    let refused = free(&servers[2]).await.unwrap_err();
    assert!(matches!(refused, ReleaseError::ClusterUnknown { .. }), "{refused}");
    servers[0].restart();
    servers[1].restart();
    let released = free(&servers[2]).await.unwrap();
    assert!(released.cluster.is_some(), "{released:?}");
    assert!(left(&servers[2]).is_empty());
}
