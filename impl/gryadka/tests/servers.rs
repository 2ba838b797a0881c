//! Real Redis servers in real circumstances: passwords, users, TLS, restarts, and refusals.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Redis, execute, head};
use gryadka::{
    Acceptor, AcceptorState, Access, Ballot, Bytes, Limits, Lineage, ProposerId, RemoteAcceptor,
    Reply, Request, RequestError, VersionedValue, wipe,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ADMIT: &str = "admit 7/1 epoch 1 floor 0 -";
const PREPARE: &str = "7/1 1 k prepare 1.1";
const ACCEPT: &str = "7/1 1 k accept 1.1 1=one promise 2.1";

/// Admits a server that has just been wiped.
async fn admit(acceptor: &RemoteAcceptor) -> String {
    execute(acceptor, "wipe").await;
    execute(acceptor, ADMIT).await
}

fn acceptor(address: &str) -> RemoteAcceptor {
    RemoteAcceptor::open(address, &Access::default()).unwrap()
}

fn prepare(key: &'static str, counter: u64) -> (Bytes, Request) {
    let ballot = Ballot { counter, proposer: ProposerId(1) };
    (Bytes::from(key), Request::Prepare { ballot })
}

fn accept(key: &'static str, counter: u64, value: Option<&'static str>) -> (Bytes, Request) {
    let ballot = Ballot { counter, proposer: ProposerId(1) };
    let versioned = VersionedValue {
        version: counter,
        value: value.map(Bytes::from),
        lineage: Lineage::default(),
    };
    (Bytes::from(key), Request::Accept { ballot, value: Some(versioned), promise: ballot })
}

fn refused(result: &Result<Reply, RequestError>, word: &str) -> bool {
    matches!(result, Err(RequestError::Refused(text)) if text.contains(word))
}

#[tokio::test]
async fn a_restarted_server_keeps_its_state_and_the_scripts_are_loaded_again() {
    let mut server = Redis::start();
    let acceptor = acceptor(&server.address);
    assert_eq!(admit(&acceptor).await, "done");
    assert_eq!(execute(&acceptor, ACCEPT).await, "accepted");
    server.restart();
    let broken = acceptor.call(head(1), vec![prepare("k", 2)]).await.remove(0);
    assert!(broken.is_err_and(|error| error.may_have_executed()), "the old connection is broken");
    assert_eq!(execute(&acceptor, "7/1 1 k prepare 1.1").await, "conflict 2.1 1.1");
    assert_eq!(execute(&acceptor, "status").await, "7/1 epoch 1 floor 0 -");
    server.execute("SCRIPT FLUSH");
    assert_eq!(execute(&acceptor, "7/1 1 k prepare 3.1").await, "promise 1.1 1=one floor 0");
}

#[tokio::test]
async fn a_server_without_its_data_votes_for_nothing() {
    let server = Redis::start();
    let acceptor = acceptor(&server.address);
    admit(&acceptor).await;
    execute(&acceptor, ACCEPT).await;
    server.execute("FLUSHALL");
    assert_eq!(execute(&acceptor, PREPARE).await, "not a member");
}

/// With 1 MiB in the place of Redis' usual 512 MiB.
#[tokio::test]
async fn the_longest_value_fits_with_its_header_and_a_longer_one_breaks_the_connection() {
    let server = Redis::with(&["--proto-max-bulk-len", "1mb"]);
    let acceptor = acceptor(&server.address);
    admit(&acceptor).await;
    let longest = Limits::LONGEST_VALUE - (511 << 20);
    let accept = |counter, length| {
        let ballot = |counter| Ballot { counter, proposer: ProposerId(1) };
        let lineage = Lineage::of((1..=9).map(ballot).collect());
        let value = Some(Bytes::from(vec![b'v'; length]));
        let value = Some(VersionedValue { version: counter, value, lineage });
        let (ballot, promise) = (ballot(counter), ballot(counter));
        vec![(Bytes::from("k"), Request::Accept { ballot, value, promise })]
    };
    let fits = acceptor.call(head(1), accept(10, longest)).await.remove(0);
    assert_eq!(fits, Ok(Reply::Accepted));
    let broken = acceptor.call(head(1), accept(11, longest + 1)).await.remove(0);
    assert!(broken.is_err_and(|error| error.may_have_executed()));
}

#[tokio::test]
async fn a_password_lets_in() {
    let server = Redis::start();
    server.execute("CONFIG SET requirepass sesame");
    let place = format!("127.0.0.1:{}", server.port);
    let knowing = acceptor(&format!("redis://:sesame@{place}"));
    assert_eq!(admit(&knowing).await, "done");
    for address in [format!("redis://{place}"), format!("redis://:wrong@{place}")] {
        let refused = acceptor(&address).call(head(1), vec![prepare("k", 1)]).await.remove(0);
        assert!(refused.is_err_and(|error| !error.may_have_executed()), "{address}");
    }
}

/// The rule in `remote_acceptor.rs`.
#[tokio::test]
async fn a_user_needs_few_rights() {
    let server = Redis::start();
    server.execute(
        "ACL SETUSER gryadka on >sesame ~gryadka:* +evalsha +script|load +hmget +hget +hexists \
         +hset +hdel +get +getrange +set +setrange +del +unlink +sadd +srem +scan +sscan",
    );
    let acceptor = acceptor(&format!("redis://gryadka:sesame@127.0.0.1:{}", server.port));
    for line in include_str!("script.txt").lines() {
        let Some((asked, expected)) = line.split_once("->") else { continue };
        assert_eq!(execute(&acceptor, asked).await, expected.trim(), "after: {asked}");
    }
    assert!(acceptor.examine().await.unwrap().server.is_empty(), "it may not ask for that");
    server.execute("ACL SETUSER gryadka +info +config|get");
    let facts = acceptor.examine().await.unwrap().server;
    let facts = ["aof_enabled", "appendfsync", "role"].map(|name| facts[name].as_str());
    assert_eq!(facts, ["1", "always", "master"]);
}

/// A certificate authority and a server's certificate and key, in files.
fn certificates(directory: &std::path::Path) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![String::from("127.0.0.1")]).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    std::fs::write(directory.join("root.pem"), &root).unwrap();
    std::fs::write(directory.join("server.pem"), server.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), key.serialize_pem()).unwrap();
    root.into_bytes()
}

#[tokio::test]
async fn tls_is_trusted_by_its_root() {
    let directory = tempfile::tempdir().unwrap();
    let roots = Some(certificates(directory.path()));
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let port = common::free_port();
    let settings = ["--tls-port", &port.to_string(), "--tls-auth-clients", "no"].map(str::to_owned);
    let files = [
        ("--tls-ca-cert-file", file("root.pem")),
        ("--tls-cert-file", file("server.pem")),
        ("--tls-key-file", file("key.pem")),
    ];
    let files = files.into_iter().flat_map(|(name, path)| [name.to_owned(), path]);
    let settings: Vec<_> = settings.into_iter().chain(files).collect();
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let _server = Redis::with(&settings);

    let address = format!("rediss://127.0.0.1:{port}");
    let access = Access { roots, ..Access::default() };
    let trusting = RemoteAcceptor::open(&address, &access).unwrap();
    assert_eq!(admit(&trusting).await, "done");
    assert_eq!(execute(&trusting, ACCEPT).await, "accepted");
    let careless = acceptor(&format!("{address}/#insecure"));
    assert_eq!(execute(&careless, "7/1 1 k read").await, "current 1.1 1=one");
    let unknown_acceptor = acceptor(&address).call(head(1), vec![prepare("k", 9)]).await.remove(0);
    assert!(matches!(unknown_acceptor, Err(RequestError::NotConnected(_))), "{unknown_acceptor:?}");
}

#[tokio::test]
async fn what_is_not_a_register_spoils_only_its_own_request() {
    let server = Redis::start();
    let acceptor = acceptor(&server.address);
    admit(&acceptor).await;
    server.execute("RPUSH gryadka:=list x");
    server.execute("SET gryadka:=short x");
    let call = ["list", "short"].map(|key| {
        [
            prepare(key, 1),
            accept(key, 2, Some("new")),
            accept(key, 2, None),
            (key.into(), Request::Read),
        ]
    });
    let mut call: Vec<_> = call.into_iter().flatten().collect();
    call.insert(0, accept("before", 1, Some("done")));
    call.push(accept("after", 1, Some("done")));
    let results = acceptor.call(head(1), call).await;
    assert_eq!(results.first(), Some(&Ok(Reply::Accepted)));
    assert_eq!(results.last(), Some(&Ok(Reply::Accepted)));
    for result in &results[1..results.len() - 1] {
        assert!(refused(result, "WRONGTYPE"), "{result:?}");
    }
    assert_eq!(execute(&acceptor, "tombstones").await, "none");
}

/// Under a server that takes no writes, a call changes nothing, and says so.
async fn nothing_is_done(acceptor: &RemoteAcceptor, word: &str) {
    let call = vec![
        prepare("new", 1),
        prepare("k", 5),
        accept("k", 5, Some("two")),
        accept("new", 5, Some("new")),
        accept("new", 6, None),
        (Bytes::from("k"), Request::Read),
    ];
    let results = acceptor.call(head(1), call.clone()).await;
    let (read, writes) = results.split_last().unwrap();
    assert!(matches!(read, Ok(Reply::Current { .. })), "{read:?}");
    for result in writes {
        assert!(refused(result, word), "{result:?}");
    }
    // A later epoch is written before anything else.
    for result in acceptor.call(head(2), call).await {
        assert!(refused(&result, word), "{result:?}");
    }
}

async fn nothing_was_done(acceptor: &RemoteAcceptor) {
    assert_eq!(execute(acceptor, "status").await, "7/1 epoch 1 floor 0 -");
    assert_eq!(execute(acceptor, "list").await, "k");
    assert_eq!(execute(acceptor, "tombstones").await, "none");
    assert_eq!(execute(acceptor, "7/1 1 k read").await, "current 1.1 1=one");
    assert_eq!(execute(acceptor, "7/1 1 k accept 2.1 2=two promise 2.1").await, "accepted");
}

#[tokio::test]
async fn a_full_server_refuses_a_call_as_a_whole() {
    let server = Redis::start();
    let acceptor = acceptor(&server.address);
    admit(&acceptor).await;
    execute(&acceptor, ACCEPT).await;
    server.execute("CONFIG SET maxmemory 100kb");
    nothing_is_done(&acceptor, "OOM").await;
    server.execute("CONFIG SET maxmemory 0");
    nothing_was_done(&acceptor).await;
}

/// Erasing is allowed to a full server, and then a script may write on. Each request still gets the
/// answer that is true of it.
#[tokio::test]
async fn a_full_server_does_what_it_says_after_an_erasure() {
    let server = Redis::start();
    let acceptor = acceptor(&server.address);
    execute(&acceptor, "wipe").await;
    execute(&acceptor, "admit 7/1 epoch 1 floor 9 -").await;
    execute(&acceptor, "7/1 1 dead accept 10.1 9= promise 10.1").await;
    execute(&acceptor, "7/1 1 dead collect 9.9 floor 10").await;
    server.execute("CONFIG SET maxmemory 100kb");
    let tombstone = Ballot { counter: 10, proposer: ProposerId(1) };
    let collect = (Bytes::from("dead"), Request::Collect { tombstone, promise_floor: 10 });
    let call = vec![accept("early", 20, Some("e")), collect, accept("late", 20, Some("l"))];
    let results = acceptor.call(head(1), call).await;
    assert!(refused(&results[0], "OOM"), "{results:?}");
    assert_eq!(results[1], Ok(Reply::Erased(true)));
    assert_eq!(results[2], Ok(Reply::Accepted));
    assert_eq!(execute(&acceptor, "list").await, "late");
}

#[tokio::test]
async fn a_replica_refuses_a_call_as_a_whole() {
    let server = Redis::start();
    let acceptor = acceptor(&server.address);
    admit(&acceptor).await;
    execute(&acceptor, ACCEPT).await;
    server.execute(&format!("REPLICAOF 127.0.0.1 {}", common::free_port()));
    nothing_is_done(&acceptor, "READONLY").await;
    server.execute("REPLICAOF NO ONE");
    nothing_was_done(&acceptor).await;
}

#[tokio::test]
async fn a_server_that_cannot_save_refuses_a_call_as_a_whole() {
    let server = Redis::start();
    let acceptor = acceptor(&server.address);
    admit(&acceptor).await;
    execute(&acceptor, ACCEPT).await;
    // A directory in the place of the file makes saving fail, for root too.
    std::fs::create_dir(server.directory().join("dump.rdb")).unwrap();
    std::fs::write(server.directory().join("dump.rdb/full"), "").unwrap();
    server.words(&["CONFIG", "SET", "save", "3600 1000"]);
    server.execute("BGSAVE");
    while !server.fact("rdb_last_bgsave_status:err") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    nothing_is_done(&acceptor, "MISCONF").await;
    server.words(&["CONFIG", "SET", "save", ""]);
    nothing_was_done(&acceptor).await;
}

/// A server that answers once on each connection, and then no more.
async fn falls_silent(listener: tokio::net::TcpListener) {
    let mut streams = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(b"*1\r\n:1\r\n").await.unwrap();
        streams.push(stream);
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let acceptor = acceptor(&format!("redis://{}", listener.local_addr().unwrap()));
    let server = tokio::spawn(falls_silent(listener));
    let call = || acceptor.call(head(1), vec![accept("k", 1, Some("one"))]);
    assert_eq!(call().await, [Ok(Reply::Accepted)]);
    // The paused clock advances when all tasks wait.
    tokio::time::pause();
    let result = call().await.remove(0);
    assert!(matches!(result, Err(RequestError::NoAnswer(_))), "{result:?}");
    tokio::time::resume();
    assert_eq!(call().await, [Ok(Reply::Accepted)], "on another connection");
    server.abort();
}

/// A driver that has stopped between wiping and admitting may come back when the acceptor has joined
/// with another one, voted, and lost its memory.
#[tokio::test]
async fn an_acceptor_is_not_admitted_in_a_memory_that_was_lost_since_it_was_wiped() {
    let server = Redis::start();
    let (sleeper, other) = (acceptor(&server.address), acceptor(&server.address));
    assert_eq!(wipe(&sleeper, 1).await, Ok(0));
    assert_eq!(wipe(&other, 2).await, Ok(0));
    let state = AcceptorState { identity: head(1).identity, epoch: 1, promise_floor: 0 };
    let not_wiped = |admitted| matches!(admitted, Err(RequestError::Refused(text)) if text.contains("NOTWIPED"));
    let late = sleeper.admit(state, Bytes::new(), 1).await;
    assert!(not_wiped(late), "another has wiped it since");
    other.admit(state, Bytes::new(), 2).await.unwrap();
    server.execute("FLUSHALL");
    let again = other.admit(state, Bytes::new(), 2).await;
    assert!(not_wiped(again), "it has forgotten its promises");
}
