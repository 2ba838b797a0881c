//! Users and passwords of real Redis servers: each process brings its own, and no acceptor stores any.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Redis;
use gryadka::{
    Access, ConnectError, ConnectOptions, Credentials, Gryadka, Membership, MembershipError,
    MembershipOptions,
};
use std::time::Duration;
use tokio::time::Instant;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A server that demands a password.
fn locked(password: &str) -> Redis {
    let mut redis = Redis::start();
    change_password(&mut redis, password);
    redis
}

fn change_password(redis: &mut Redis, password: &str) {
    redis.words(&["CONFIG", "SET", "requirepass", password]);
    redis.address = format!("redis://:{password}@127.0.0.1:{}", redis.port);
}

/// A server with one user, which is allowed what the documentation says that it needs.
fn with_user(user: &str, password: &str) -> Redis {
    let mut redis = Redis::start();
    let allowed = "~gryadka:* +evalsha +script|load +hmget +hget +hexists +hset +hdel +get +getrange \
        +set +setrange +del +unlink +sadd +srem +scan +sscan +info +config|get +hgetall +config|set";
    redis.execute(&format!("ACL SETUSER {user} on >{password} {allowed}"));
    redis.execute("ACL SETUSER default off");
    redis.address = format!("redis://{user}:{password}@127.0.0.1:{}", redis.port);
    redis
}

fn urls(servers: &[Redis]) -> Vec<String> {
    servers.iter().map(|server| server.address.clone()).collect()
}

async fn connect(urls: &[String], initialise: bool) -> Gryadka {
    let urls = urls.iter().cloned();
    Gryadka::connect(ConnectOptions { initialise, ..ConnectOptions::new(urls) }).await.unwrap()
}

/// Everything that the acceptor stores about its cluster.
fn stored(redis: &Redis) -> String {
    let all = redis.execute("HGETALL gryadka:!");
    let all: Vec<Vec<u8>> = redis::from_redis_value(all).unwrap();
    String::from_utf8_lossy(&all.concat()).into_owned()
}

async fn change(store: &Gryadka, change: Membership) {
    let options = MembershipOptions { deadline: soon() };
    store.change_membership(change, options, &|_| {}).await.unwrap();
}

#[tokio::test]
async fn no_acceptor_stores_a_password_and_passwords_are_rotated_without_a_change_of_membership() {
    let mut servers: Vec<_> = (0..4).map(|_| locked("first-secret")).collect();
    let store = connect(&urls(&servers[..3]), true).await;
    store.set(b"k", "v".into(), soon()).await.unwrap();
    change(&store, Membership::Grow(vec![servers[3].address.clone()])).await;
    for server in &servers {
        let stored = stored(server);
        assert!(stored.contains(&format!("redis://127.0.0.1:{}", server.port)), "{stored}");
        assert!(!stored.contains("secret"), "{stored}");
    }
    drop(store);
    for server in &mut servers {
        change_password(server, "second-secret");
    }
    // One address is enough: the others want the same password.
    let store = connect(&urls(&servers[1..2]), false).await;
    assert_eq!(store.get(b"k", soon()).await.unwrap().unwrap().value, "v");
    change(&store, Membership::Shrink(vec![1])).await;
    assert!(!stored(&servers[0]).contains("secret"));
}

#[tokio::test]
async fn each_server_may_have_a_user_and_a_password_of_its_own() {
    let servers =
        [with_user("ann", "ann-secret"), with_user("bob", "bob-secret"), locked("third-secret")];
    let store = connect(&urls(&servers), true).await;
    store.set(b"k", "v".into(), soon()).await.unwrap();
    let status = store.cluster().await.unwrap();
    assert!(status.acceptors.iter().all(|acceptor| acceptor.votes), "{status:?}");
    assert!(!format!("{status:?} {store:?}").contains("secret"));
    assert!(servers.iter().all(|server| !stored(server).contains("secret")));
}

/// An address without its login.
fn bare(redis: &Redis) -> String {
    format!("redis://127.0.0.1:{}", redis.port)
}

#[tokio::test]
async fn the_settings_are_for_servers_whose_urls_have_no_password() {
    let servers = [locked("first-secret"), with_user("ann", "ann-secret"), locked("first-secret")];
    let password = Some(String::from("first-secret"));
    let credentials = Credentials { user: None, password };
    let access = Access { credentials, ..Access::default() };
    let urls = [bare(&servers[0]), servers[1].address.clone(), bare(&servers[2])];
    let options = ConnectOptions { access, initialise: true, ..ConnectOptions::new(urls) };
    let store = Gryadka::connect(options).await.unwrap();
    assert!(store.cluster().await.unwrap().acceptors.iter().all(|acceptor| acceptor.votes));
}

#[tokio::test]
async fn a_server_that_demands_a_password_is_not_taken_for_one_without_a_cluster() {
    let (server, acl) = (locked("first-secret"), with_user("ann", "ann-secret"));
    for initialise in [false, true] {
        for url in [
            bare(&server),
            format!("redis://:wrong-secret@127.0.0.1:{}", server.port),
            bare(&acl),
            format!("redis://ann:wrong-secret@127.0.0.1:{}", acl.port),
            format!("redis://bob:ann-secret@127.0.0.1:{}", acl.port),
        ] {
            let options = ConnectOptions { initialise, ..ConnectOptions::new([url]) };
            let error = Gryadka::connect(options).await.unwrap_err();
            assert!(matches!(error, ConnectError::Credentials(_)), "{error:?}");
            let said = error.to_string();
            assert!(said.contains("GRYADKA_ACCEPTOR_PASSWORD"), "{said}");
            assert!(!said.contains("cluster init") && !said.contains("secret"), "{said}");
        }
    }
}

#[tokio::test]
async fn after_a_wrong_password_the_right_one_is_tried() {
    let servers = [locked("first-secret"), locked("second-secret")];
    let store = connect(&urls(&servers[..1]), true).await;
    let options = MembershipOptions { deadline: soon() };
    let mistaken = Membership::Grow(vec![format!("redis://:wrong@127.0.0.1:{}", servers[1].port)]);
    let refused = store.change_membership(mistaken, options, &|_| {}).await.unwrap_err();
    assert!(matches!(refused, MembershipError::JoinFailed { .. }), "{refused}");
    change(&store, Membership::Grow(vec![servers[1].address.clone()])).await;
    // One that is a member already is not cut off by a wrong password.
    let mistaken = Membership::Grow(vec![format!("redis://:wrong@127.0.0.1:{}", servers[1].port)]);
    let refused = store.change_membership(mistaken, options, &|_| {}).await.unwrap_err();
    assert!(matches!(refused, MembershipError::AcceptorExists(_)), "{refused}");
    assert!(store.cluster().await.unwrap().acceptors.iter().all(|acceptor| acceptor.votes));
}

/// As versions before this one wrote it.
fn write_passwords_into_the_record(servers: &[Redis]) {
    for server in servers {
        let config = server.execute("HGET gryadka:! config");
        let mut config: String = redis::from_redis_value(config).unwrap();
        for other in servers {
            config = config.replace(&bare(other), &other.address);
        }
        assert!(config.contains("secret"));
        server.words(&["HSET", "gryadka:!", "config", &config]);
    }
}

#[tokio::test]
async fn a_record_with_passwords_is_read_and_the_next_change_of_membership_takes_them_out() {
    let servers = [locked("a-secret"), locked("b-secret"), locked("c-secret"), locked("d-secret")];
    drop(connect(&urls(&servers[..3]), true).await);
    write_passwords_into_the_record(&servers[..3]);
    // The passwords of the others are known from the record alone.
    let store = connect(&urls(&servers[..1]), false).await;
    store.set(b"k", "v".into(), soon()).await.unwrap();
    let status = store.cluster().await.unwrap();
    assert!(status.acceptors.iter().all(|acceptor| acceptor.votes), "{status:?}");
    assert!(!format!("{status:?}").contains("secret"));
    drop(store);

    let store = connect(&urls(&servers[..3]), false).await;
    let again = Membership::Grow(vec![bare(&servers[1])]);
    let options = MembershipOptions { deadline: soon() };
    let refused = store.change_membership(again, options, &|_| {}).await.unwrap_err();
    assert!(matches!(refused, MembershipError::AcceptorExists(_)), "{refused}");
    change(&store, Membership::Grow(vec![servers[3].address.clone()])).await;
    for server in &servers {
        assert!(!stored(server).contains("secret"), "{}", stored(server));
    }
}

#[tokio::test]
async fn a_server_that_left_under_an_earlier_version_shows_no_password() {
    let servers = [locked("a-secret"), locked("b-secret")];
    drop(connect(&urls(&servers), true).await);
    write_passwords_into_the_record(&servers);
    servers[0].execute("HDEL gryadka:! identity");
    let url = servers[0].address.clone();
    servers[1].execute("CONFIG SET requirepass another-secret");
    let options = ConnectOptions { initialise: true, ..ConnectOptions::new([url]) };
    let said = Gryadka::connect(options).await.unwrap_err().to_string();
    assert!(said.contains("has left cluster") && said.contains(&bare(&servers[1])), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
