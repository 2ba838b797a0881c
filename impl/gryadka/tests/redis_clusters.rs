//! Clusters of real Redis servers: deletes, collection, lost memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod common;

use common::Redis;
use gryadka::{
    Bytes, CasAnswer, ChangeError, ConnectOptions, Decision, Expected, Gryadka, Membership,
    MembershipOptions, Present, Reason,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn servers(count: usize) -> Vec<Redis> {
    (0..count).map(|_| Redis::with(&DURABLE)).collect()
}

async fn join(servers: &[Redis]) -> Gryadka {
    let urls = servers.iter().map(|server| server.address.clone());
    Gryadka::connect(ConnectOptions { initialise: true, ..ConnectOptions::new(urls) })
        .await
        .unwrap()
}

/// How many keys a server has that belong to registers.
fn registers(server: &Redis) -> usize {
    let keys = server.execute("KEYS gryadka:=*");
    redis::from_redis_value::<Vec<Vec<u8>>>(keys).unwrap().len()
}

/// Writes a letter, and answers the versions before and after.
fn swap(present: Present<'_>) -> Decision<Bytes, (u64, u64)> {
    Decision::Put(Some(Bytes::from_static(b"x")), (present.version, present.next))
}

/// Sets and deletes keys at random. Every version in an answer must be higher than the last one of
/// that key.
async fn set_and_delete(store: Gryadka, client: u64) {
    let mut random = Pcg32::seed_from_u64(client);
    let mut last = [0_u64; 6];
    for turn in 0..120 {
        let number = random.random_range(0..last.len());
        let key = format!("k{number}");
        let key = key.as_bytes();
        let result = if random.random_ratio(1, 3) {
            store.delete(key, Expected::Anything, soon()).await
        } else {
            let put = store.change(key, swap, soon()).await;
            put.map(|(before, after)| {
                assert!(before >= last[number] || before == 0, "{client}, {turn}: k{number}");
                CasAnswer::Set(after)
            })
        };
        let version = match result {
            Ok(CasAnswer::Set(version)) => version,
            Ok(CasAnswer::Mismatch(_)) => continue,
            // Where a register was erased meanwhile, the change stays in doubt.
            Err(ChangeError::Unknown(Reason::LineageForgotten)) => continue,
            Err(error) => panic!("client {client}, turn {turn}: {error}"),
        };
        assert!(version > last[number], "client {client}, turn {turn}: k{number} went back");
        last[number] = version;
    }
}

#[tokio::test]
async fn deleted_registers_are_gone_from_every_server_and_versions_never_come_twice() {
    let mut servers = servers(3);
    let stores = [join(&servers).await, join(&servers).await];
    let collecting = stores[0].clone();
    let collector =
        tokio::spawn(async move { collecting.keep_collecting(Duration::from_millis(5)).await });
    let mut clients = JoinSet::new();
    for (client, store) in (0..6).zip(stores.iter().cycle()) {
        clients.spawn(set_and_delete(store.clone(), client));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    servers[1].restart();
    clients.join_all().await;
    for key in 0..6 {
        let key = format!("k{key}");
        while stores[1].delete(key.as_bytes(), Expected::Anything, soon()).await.is_err() {}
    }
    collector.abort();
    while servers.iter().any(|server| registers(server) > 0) {
        stores[1].collect().await.unwrap();
    }
    assert_eq!(stores[0].get(b"k0", soon()).await.unwrap(), None);
}

#[tokio::test]
async fn servers_that_lost_their_data_vote_for_nothing_until_they_have_joined_again() {
    let servers = servers(3);
    let stores = [join(&servers).await, join(&servers).await];
    let names: Vec<String> = (0..50).map(|number| format!("cold {number}")).collect();
    for name in &names {
        stores[0].set(name.as_bytes(), name.clone().into(), soon()).await.unwrap();
    }
    for (id, server) in (1..).zip(&servers) {
        server.execute("FLUSHALL");
        stores[1].set(b"hot", id.to_string().into(), soon()).await.unwrap();
        assert_eq!(registers(server), 0, "it has voted");
        let change = Membership::Replace { old: id, new: server.address.clone() };
        let options = MembershipOptions { deadline: soon() };
        stores[0].change_membership(change, options, &|_| {}).await.unwrap();
        assert!(registers(server) > names.len(), "it has not been given everything");
    }
    for name in &names {
        let found = stores[1].get(name.as_bytes(), soon()).await.unwrap().unwrap();
        assert_eq!(found.value, name.as_bytes());
    }
    assert_eq!(stores[0].get(b"hot", soon()).await.unwrap().unwrap().value, "3");
}
