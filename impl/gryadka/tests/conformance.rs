//! One contract for every kind of acceptor: the pure rules, the native server, a real Redis.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

mod common;

use caspaxos::{Faithful, Register, Reply, Request};
use common::Redis;
use gryadka::{
    Acceptor, Ballot, Bytes, Lost, NativeAcceptor, NativeRegisters, NativeServer, ProposerId,
    RedisAcceptor,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;
use std::collections::HashMap;
use std::sync::Mutex;

/// The rules themselves, called as if they were far away.
#[derive(Default)]
struct Pure(Mutex<HashMap<Bytes, Register<Bytes>>>);

impl Acceptor for Pure {
    async fn call(&self, key: Bytes, request: Request<Bytes>) -> Result<Reply<Bytes>, Lost> {
        Ok(self.0.lock().unwrap().entry(key).or_default().handle(&Faithful, request))
    }
}

const HIGHEST: u64 = (1 << 53) - 1;

/// What is sent, and what must come back. Ballots are written `counter.proposer`; a request is
/// `prepare BALLOT` or `accept BALLOT VALUE promise BALLOT`, where `-` is the empty register.
const SCRIPT: &str = "
    k  prepare 1.1                    -> promise 0.0 -
    k  prepare 1.1                    -> conflict 1.1 0.0
    k  prepare 1.0                    -> conflict 1.1 0.0
    k  prepare 1.2                    -> promise 0.0 -
    k  accept 1.1 lost promise 2.1    -> refused 1.2 0.0
    k  accept 1.2 one promise 2.2     -> accepted
    k  accept 1.2 twice promise 2.2   -> refused 2.2 1.2
    k  prepare 2.2                    -> conflict 2.2 1.2
    k  accept 2.2 two promise 10.2    -> accepted
    k  prepare 9.9                    -> conflict 10.2 2.2
    k  prepare 10.10                  -> promise 2.2 two
    k  prepare 10.9                   -> conflict 10.10 2.2
    k  accept 10.10 - promise 10.10   -> accepted
    k  prepare 11.1                   -> promise 10.10 -
    k2 prepare 3.3                    -> promise 0.0 -
    k2 accept 4.4 leap promise 5.4    -> accepted
    k2 prepare 4.5                    -> conflict 5.4 4.4
    k2 prepare 9007199254740991.9007199254740990 -> promise 4.4 leap
    k2 prepare 9007199254740991.9007199254740991 -> promise 4.4 leap
    k2 prepare 9007199254740991.9007199254740990 -> conflict 9007199254740991.9007199254740991 4.4
";

fn ballot(text: &str) -> Ballot {
    let (counter, proposer) = text.split_once('.').unwrap();
    Ballot { counter: counter.parse().unwrap(), proposer: ProposerId(proposer.parse().unwrap()) }
}

fn value(text: &str) -> Option<Bytes> {
    (text != "-").then(|| Bytes::copy_from_slice(text.as_bytes()))
}

fn request(words: &[&str]) -> Request<Bytes> {
    match words {
        ["prepare", at] => Request::Prepare { ballot: ballot(at) },
        ["accept", at, new, "promise", next] => {
            Request::Accept { ballot: ballot(at), value: value(new), promise: ballot(next) }
        }
        _ => panic!("not a request: {words:?}"),
    }
}

fn spell(reply: &Reply<Bytes>) -> String {
    match reply {
        Reply::Promise { accepted, value } => {
            let value = value.as_ref().map_or_else(|| "-".into(), |v| String::from_utf8_lossy(v));
            format!("promise {accepted} {value}")
        }
        Reply::Accepted => "accepted".into(),
        Reply::Conflict(held) => format!("conflict {} {}", held.promised, held.accepted),
        Reply::Refused(held) => format!("refused {} {}", held.promised, held.accepted),
    }
}

async fn follows_the_script(acceptor: &impl Acceptor) {
    for line in SCRIPT.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = line.split_once("->").unwrap();
        let words: Vec<_> = asked.split_whitespace().collect();
        let key = Bytes::copy_from_slice(words[0].as_bytes());
        let reply = acceptor.call(key, request(&words[1..])).await.unwrap();
        assert_eq!(spell(&reply), expected.trim(), "after: {asked}");
    }
}

/// A few thousand requests that collide often, with keys and values of any bytes.
async fn agrees_with_the_rules(acceptor: &impl Acceptor, seed: u64) {
    let rules = Pure::default();
    let mut random = Pcg32::seed_from_u64(seed);
    let keys = [&b"a"[..], b"", b"\0\r\n$-1\r\n", b"\xff\xfe{x}"];
    for number in 0..3000 {
        let key = Bytes::from_static(keys[random.random_range(0..keys.len())]);
        let mut draw = || {
            let counter = random.random_range(0..6) + number / 100;
            let counter = if random.random_ratio(1, 500) { HIGHEST } else { counter };
            Ballot { counter, proposer: ProposerId(random.random_range(1..4)) }
        };
        let (at, next) = (draw(), draw());
        let request = match random.random_range(0..5) {
            0 | 1 => Request::Prepare { ballot: at },
            2 => Request::Accept { ballot: at, value: None, promise: next.max(at) },
            _ => {
                let bytes: Vec<u8> =
                    (0..random.random_range(0..20)).map(|_| random.random()).collect();
                Request::Accept { ballot: at, value: Some(bytes.into()), promise: next.max(at) }
            }
        };
        let expected = rules.call(key.clone(), request.clone()).await.unwrap();
        let reply = acceptor.call(key.clone(), request.clone()).await.unwrap();
        assert_eq!(reply, expected, "seed {seed}, request {number}: {key:?} {request:?}");
        if at.counter == HIGHEST {
            // Nothing goes past it: that key is done with.
            let reset = Bytes::from(format!("unused {number}"));
            assert_eq!(
                rules.call(reset.clone(), Request::Prepare { ballot: at }).await.unwrap(),
                acceptor.call(reset, Request::Prepare { ballot: at }).await.unwrap()
            );
        }
    }
}

#[tokio::test]
async fn the_pure_rules_conform() {
    follows_the_script(&Pure::default()).await;
}

#[tokio::test]
async fn the_native_acceptor_conforms() {
    let any = "127.0.0.1:0".parse().unwrap();
    let server = NativeServer::start(any, NativeRegisters::default()).unwrap();
    let acceptor = NativeAcceptor::new(&format!("redis://{}", server.address())).unwrap();
    follows_the_script(&acceptor).await;
    agrees_with_the_rules(&acceptor, 7).await;
}

#[tokio::test]
async fn redis_conforms() {
    let mut server = Redis::start();
    let acceptor = RedisAcceptor::new(&server.address, "test:").unwrap();
    follows_the_script(&acceptor).await;
    agrees_with_the_rules(&acceptor, 8).await;

    // A restarted server has forgotten the scripts, but neither promises nor values.
    server.restart();
    let prepare = Request::Prepare { ballot: ballot("11.0") };
    let key = Bytes::from_static(b"k");
    let broken = acceptor.call(key.clone(), prepare.clone()).await;
    assert!(broken.is_err_and(|lost| lost.delivered()), "the old connection is broken");
    let reply = acceptor.call(key, prepare).await.unwrap();
    assert_eq!(spell(&reply), "conflict 11.1 10.10");
}
