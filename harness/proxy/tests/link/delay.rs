use crate::support::{Bench, numbered, receive, send};
use harness_proxy::Condition;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LATENCY: Duration = Duration::from_millis(30);

#[tokio::test]
async fn a_round_trip_takes_the_latency_and_requests_pass_at_once() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.link.set(Condition::Latency { latency: LATENCY, jitter: Duration::ZERO }).unwrap();
    for _ in 0..5 {
        let asked = Instant::now();
        send(&mut client, b"ask").await;
        receive(&mut server, b"ask").await;
        let answered = Instant::now();
        send(&mut server, b"answer").await;
        receive(&mut client, b"answer").await;
        assert!(answered.elapsed() >= LATENCY);
        assert!(asked.elapsed() >= LATENCY);
    }
}

#[tokio::test]
async fn new_connections_are_late_too() {
    let bench = Bench::open().await;
    bench.link.set(Condition::Latency { latency: LATENCY, jitter: Duration::ZERO }).unwrap();
    let mut client = bench.client().await;
    let (mut server, _) = bench.server.accept().await.unwrap();
    let answered = Instant::now();
    send(&mut server, b"answer").await;
    receive(&mut client, b"answer").await;
    assert!(answered.elapsed() >= LATENCY);
}

#[tokio::test]
async fn a_heal_lets_go_at_once_what_was_late() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let hour = harness_proxy::DELAY_MAX;
    bench.link.set(Condition::Latency { latency: hour, jitter: hour }).unwrap();
    bench.link.set(Condition::Latency { latency: hour, jitter: Duration::ZERO }).unwrap();
    send(&mut server, b"answer").await;
    bench.until(|traffic| traffic.held == 6).await;
    bench.link.heal().unwrap();
    receive(&mut client, b"answer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jitter_keeps_the_order() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let jitter = Duration::from_millis(3);
    bench.link.set(Condition::Latency { latency: jitter, jitter }).unwrap();
    let sent = numbered(20_000);
    let expected = sent.clone();
    let sender = tokio::spawn(async move {
        for piece in sent.chunks(997) {
            server.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    sender.await.unwrap();
    assert!(received == expected, "{} of {} bytes", received.len(), expected.len());
}
