use crate::support::{Bench, RESET, passes, receive, rest, send};
use harness_proxy::{Condition, ProxyError};
use std::io::ErrorKind;

const CERTAIN: Condition = Condition::Loss { probability: 1.0 };

/// A connection that speaks RESP from its first byte on.
async fn redis_pair(bench: &Bench) -> (tokio::net::TcpStream, tokio::net::TcpStream) {
    let mut client = bench.client().await;
    let (mut server, _) = bench.server.accept().await.unwrap();
    send(&mut client, b"*1\r\n$4\r\nPING\r\n").await;
    receive(&mut server, b"*1\r\n$4\r\nPING\r\n").await;
    send(&mut server, b"+PONG\r\n").await;
    receive(&mut client, b"+PONG\r\n").await;
    (client, server)
}

#[tokio::test]
async fn a_lost_request_never_reaches_the_server() {
    let bench = Bench::open().await;
    let (mut client, mut server) = redis_pair(&bench).await;
    bench.link.set(CERTAIN).unwrap();
    send(&mut client, b"*1\r\n$4\r\nPING\r\n").await;
    assert_eq!(rest(&mut server).await, RESET);
    assert_eq!(rest(&mut client).await, RESET);
    bench.until(|traffic| traffic.open == 0).await;
    let traffic = bench.link.traffic();
    assert_eq!((traffic.lost, traffic.reset), (1, 1));
}

#[tokio::test]
async fn a_request_whose_reply_is_lost_has_reached_the_server() {
    let bench = Bench::open().await;
    let (mut client, mut server) = redis_pair(&bench).await;
    send(&mut client, b"*1\r\n$4\r\nPING\r\n").await;
    receive(&mut server, b"*1\r\n$4\r\nPING\r\n").await;
    bench.link.set(CERTAIN).unwrap();
    send(&mut server, b"+PONG\r\n").await;
    assert_eq!(rest(&mut client).await, RESET);
    assert_eq!(rest(&mut server).await, RESET);
}

#[tokio::test]
async fn replies_before_the_lost_message_are_delivered() {
    let bench = Bench::open().await;
    bench.link.set(Condition::Loss { probability: 0.05 }).unwrap();
    let mut client = bench.client().await;
    let (mut server, _) = bench.server.accept().await.unwrap();
    let replies: Vec<_> = (0..1000).map(|n| format!(":{n}\r\n")).collect();
    send(&mut server, replies.concat().as_bytes()).await;
    let mut received = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut client, &mut received).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let whole = received.iter().filter(|&&byte| byte == b'\n').count();
    assert!(whole > 0);
    assert_eq!(received, replies[..whole].concat().as_bytes());
}

#[tokio::test]
async fn the_same_seed_loses_the_same_message() {
    let mut lengths = Vec::new();
    for _ in 0..2 {
        let bench = Bench::open().await;
        bench.link.set(Condition::Loss { probability: 0.01 }).unwrap();
        let mut client = bench.client().await;
        let (mut server, _) = bench.server.accept().await.unwrap();
        send(&mut server, "+OK\r\n".repeat(5000).as_bytes()).await;
        lengths.push(rest(&mut client).await.0.len());
    }
    assert_eq!(lengths[0], lengths[1]);
    assert!(lengths[0] < 25_000);
}

#[tokio::test]
async fn nothing_is_lost_after_the_heal() {
    let bench = Bench::open().await;
    let (mut client, mut server) = redis_pair(&bench).await;
    bench.link.set(CERTAIN).unwrap();
    bench.link.heal().unwrap();
    send(&mut client, b"*1\r\n$4\r\nPING\r\n").await;
    receive(&mut server, b"*1\r\n$4\r\nPING\r\n").await;
    redis_pair(&bench).await;
}

#[tokio::test]
async fn a_stream_that_is_not_resp_passes_untouched() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.link.set(CERTAIN).unwrap();
    passes(&mut client, &mut server).await;
    passes(&mut server, &mut client).await;
}

#[tokio::test]
async fn an_impossible_probability_changes_nothing() {
    let bench = Bench::open().await;
    bench.link.set(Condition::Blackhole).unwrap();
    let refused = bench.link.set(Condition::Loss { probability: 2.0 }).unwrap_err();
    assert!(matches!(refused, ProxyError::Probability { .. }));
    assert_eq!(
        refused.to_string(),
        "a loss of 2 is not possible: a probability lies between 0 and 1"
    );
    assert_eq!(bench.link.condition(), Condition::Blackhole);
}
