//! Every toxic, put in and taken out over HTTP: its effect on real bytes is there, and is gone.

use crate::support::{
    CLOSED, Echo, RESET, Server, echoes, nothing_comes, numbered, receive, rest, send,
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// So long that no test would end if it had to be waited for, in milliseconds.
const FOREVER: u32 = 3_600_000;

fn least(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
async fn latency() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    for stream in ["upstream", "downstream"] {
        echo.server.poison(stream, "latency", json!({"latency": 100})).await;
        let began = Instant::now();
        echoes(&mut client, b"late").await;
        assert!(began.elapsed() >= least(100), "{stream}: {:?}", began.elapsed());
        echo.server.cure().await;
    }
    echo.server.poison("downstream", "latency", json!({"latency": FOREVER})).await;
    send(&mut client, b"held").await;
    nothing_comes(&mut client).await;
    echo.server.cure().await;
    receive(&mut client, b"held").await;
}

#[tokio::test]
async fn an_update_is_met_by_what_comes_after_it() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    echo.server.poison("downstream", "latency", json!({"latency": 1})).await;
    let update = r#"{"attributes":{"latency":100}}"#;
    assert_eq!(echo.server.ask("PATCH /proxies/p/toxics/t", update).await.0, 200);
    let began = Instant::now();
    echoes(&mut client, b"late").await;
    assert!(began.elapsed() >= least(100), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_toxicity_of_none_befalls_nobody() {
    let echo = Echo::start().await;
    let body = r#"{"name":"t","type":"timeout","toxicity":0}"#;
    assert_eq!(echo.server.ask("POST /proxies/p/toxics", body).await.0, 200);
    for _ in 0..20 {
        echoes(&mut echo.client().await, b"spared").await;
    }
}

#[tokio::test]
async fn bandwidth() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    let bytes = numbered(10_000);
    echo.server.poison("upstream", "bandwidth", json!({"rate": 100})).await;
    let began = Instant::now();
    echoes(&mut client, &bytes).await;
    // 40 kB at 100 kB a second, and half of it for what a bucket lets through at first.
    assert!(began.elapsed() >= least(200), "{:?}", began.elapsed());
    echo.server.cure().await;

    echo.server.poison("downstream", "bandwidth", json!({"rate": 0})).await;
    send(&mut client, &bytes).await;
    nothing_comes(&mut client).await;
    echo.server.cure().await;
    receive(&mut client, &bytes).await;
}

#[tokio::test]
async fn slow_close() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    echo.server.poison("downstream", "slow_close", json!({"delay": 150})).await;
    echoes(&mut client, b"at once").await;
    let began = Instant::now();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, CLOSED);
    assert!(began.elapsed() >= least(150), "{:?}", began.elapsed());
    echo.server.cure().await;

    let mut client = echo.established().await;
    echo.server.poison("downstream", "slow_close", json!({"delay": FOREVER})).await;
    client.shutdown().await.unwrap();
    nothing_comes(&mut client).await;
    echo.server.cure().await;
    assert_eq!(rest(&mut client).await, CLOSED);
}

#[tokio::test]
async fn timeout() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    let began = Instant::now();
    echo.server.poison("downstream", "timeout", json!({"timeout": 150})).await;
    send(&mut client, b"into the void").await;
    assert_eq!(rest(&mut client).await, CLOSED);
    assert!(began.elapsed() >= least(150), "{:?}", began.elapsed());
    echo.server.cure().await;

    let mut client = echo.established().await;
    echo.server.poison("downstream", "timeout", json!({"timeout": 0})).await;
    send(&mut client, b"into the void").await;
    nothing_comes(&mut client).await;
    echo.server.cure().await;
    assert_eq!(rest(&mut client).await, CLOSED);
    echo.established().await;
}

#[tokio::test]
async fn reset_peer() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    echo.server.poison("downstream", "reset_peer", json!({"timeout": 0})).await;
    assert_eq!(rest(&mut client).await, RESET, "one that stood before");
    // A new one may be torn before or after it was accepted.
    if let Ok(mut client) = TcpStream::connect(echo.proxy).await {
        assert_eq!(rest(&mut client).await, RESET);
    }
    echo.server.cure().await;
    echo.established().await;
}

#[tokio::test]
async fn slicer() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    let pieces = json!({"average_size": 10, "size_variation": 2, "delay": 20_000});
    echo.server.poison("downstream", "slicer", pieces).await;
    let began = Instant::now();
    echoes(&mut client, &numbered(25)).await;
    // A hundred bytes are nine pieces of twelve bytes at least, and eight pauses of 20 ms.
    assert!(began.elapsed() >= least(160), "{:?}", began.elapsed());
    echo.server.cure().await;
    echoes(&mut client, &numbered(25)).await;
}

#[tokio::test]
async fn limit_data() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    echo.server.poison("downstream", "limit_data", json!({"bytes": 10})).await;
    send(&mut client, b"more than ten bytes").await;
    assert_eq!(rest(&mut client).await, (b"more than ".to_vec(), None));
    echo.server.cure().await;
    echoes(&mut echo.established().await, b"more than ten bytes").await;
}

#[tokio::test]
async fn noop() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    echo.server.poison("upstream", "noop", json!({})).await;
    echoes(&mut client, b"as if nothing were there").await;
}

#[tokio::test]
async fn blackhole() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    for stream in ["upstream", "downstream"] {
        echo.server.poison(stream, "blackhole", json!({})).await;
        send(&mut client, &numbered(5_000)).await;
        nothing_comes(&mut client).await;
        echo.server.cure().await;
        receive(&mut client, &numbered(5_000)).await;
    }
}

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

#[tokio::test]
async fn loss() {
    let echo = Echo::start().await;
    // A stream that began with anything else would pass untouched.
    let mut client = echo.client().await;
    echoes(&mut client, PING).await;
    echo.server.poison("upstream", "loss", json!({"per_mille": 1000})).await;
    send(&mut client, PING).await;
    assert_eq!(rest(&mut client).await, RESET);
    echo.server.cure().await;
    echoes(&mut echo.client().await, PING).await;
}

#[tokio::test]
async fn dropping() {
    let server = Server::start().await;
    let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = server.proxy(&behind.local_addr().unwrap().to_string()).await;
    for usable in [1, 0] {
        let mut client = TcpStream::connect(proxy).await.unwrap();
        let (mut redis, _) = behind.accept().await.unwrap();
        send(&mut client, PING).await;
        receive(&mut redis, PING).await;
        let attributes = json!({"per_mille": 1000, "usable": usable});
        server.poison("downstream", "drop", attributes).await;
        send(&mut redis, b"+LOST\r\n").await;
        nothing_comes(&mut client).await;
        let (_, metrics) = server.ask("GET /metrics", "").await;
        let dropped =
            metrics.lines().find(|line| line.contains("dropped_messages_total{")).unwrap();
        assert!(!dropped.ends_with(" 0"), "{dropped}");
        server.cure().await;
        if usable == 1 {
            send(&mut redis, b"+FOUND\r\n").await;
            receive(&mut client, b"+FOUND\r\n").await;
        } else {
            assert_eq!(rest(&mut client).await, RESET);
        }
    }
}

#[tokio::test]
async fn corruption() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    echo.server.poison("upstream", "corrupt", json!({"per_mille": 1000})).await;
    send(&mut client, &[0]).await;
    let mut byte = [0];
    tokio::io::AsyncReadExt::read_exact(&mut client, &mut byte).await.unwrap();
    assert_eq!(byte[0].count_ones(), 1);
    echo.server.cure().await;
    echoes(&mut client, &[0]).await;
}

#[tokio::test]
async fn a_disabled_proxy_resets_and_refuses_until_it_is_enabled() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    assert_eq!(echo.server.ask("PATCH /proxies/p", r#"{"enabled":false}"#).await.0, 200);
    assert_eq!(rest(&mut client).await, RESET);
    let refused = TcpStream::connect(echo.proxy).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(echo.server.ask("PATCH /proxies/p", r#"{"enabled":true}"#).await.0, 200);
    echo.established().await;
}

#[tokio::test]
async fn a_reset_keeps_connections() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    echo.server.poison("downstream", "bandwidth", json!({"rate": 0})).await;
    send(&mut client, b"held").await;
    assert_eq!(echo.server.ask("POST /reset", "").await.0, 204);
    receive(&mut client, b"held").await;
}

#[tokio::test]
async fn a_half_close_is_passed_on() {
    let echo = Echo::start().await;
    let mut client = echo.established().await;
    send(&mut client, b"last words").await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, (b"last words".to_vec(), None));
}

/// Which of a number of connections a toxic befalls.
async fn befallen(seed: u64) -> Vec<bool> {
    let server = Server::seeded(seed).await;
    let behind = crate::support::echo_server().await;
    let proxy = server.proxy(&behind.to_string()).await;
    let body = r#"{"name":"t","type":"limit_data","toxicity":0.5}"#;
    assert_eq!(server.ask("POST /proxies/p/toxics", body).await.0, 200);
    let mut befallen = Vec::new();
    for _ in 0..40 {
        let mut client = TcpStream::connect(proxy).await.unwrap();
        send(&mut client, b"x").await;
        client.shutdown().await.unwrap();
        befallen.push(rest(&mut client).await.0.is_empty());
    }
    befallen
}

#[tokio::test]
async fn a_seed_repeats() {
    let first = befallen(7).await;
    assert_eq!(befallen(7).await, first);
    assert_ne!(befallen(8).await, first);
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
}
