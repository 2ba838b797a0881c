use crate::support::{Bench, rest, send, toxic};
use harness_proxy::{Direction, Effect};
use tokio::io::AsyncReadExt;

/// Which of so many connections in a row are closed at their first byte.
async fn struck(toxicity: f64, connections: usize) -> Vec<bool> {
    let bench = Bench::open().await;
    let mut limit = toxic("limit", Direction::Requests, Effect::LimitData { bytes: 1 });
    limit.toxicity = toxicity;
    bench.link.add(limit).unwrap();
    let mut struck = Vec::new();
    for _ in 0..connections {
        let mut client = bench.client().await;
        let mut server = bench.accept().await;
        send(&mut client, b"xy").await;
        let mut came = [0; 2];
        struck.push(server.read_exact(&mut came).await.is_err());
    }
    struck
}

#[tokio::test]
async fn a_toxic_applies_to_its_share_of_the_connections_and_to_the_same_ones_again() {
    assert_eq!(struck(0.0, 10).await, [false; 10]);
    assert_eq!(struck(1.0, 10).await, [true; 10]);
    let half = struck(0.5, 60).await;
    let count = half.iter().filter(|&&one| one).count();
    assert!((15..45).contains(&count), "{count}");
    assert_eq!(struck(0.5, 60).await, half);
}

/// The messages that each of three connections delivers under loss or drop.
async fn delivered(effect: Effect) -> Vec<Vec<u8>> {
    let bench = Bench::open().await;
    bench.add("some", Direction::Replies, effect);
    let mut all = Vec::new();
    for _ in 0..3 {
        let mut client = bench.client().await;
        let mut server = bench.accept().await;
        let replies: String = (0..3000).map(|n| format!(":{n}\r\n")).collect();
        send(&mut server, replies.as_bytes()).await;
        drop(server);
        all.push(rest(&mut client).await.0);
    }
    all
}

#[tokio::test]
async fn the_same_seed_loses_the_same_messages() {
    for effect in [
        Effect::Loss { probability: 0.01 },
        Effect::Drop { probability: 0.3, usable: true },
        Effect::Drop { probability: 0.01, usable: false },
    ] {
        let first = delivered(effect).await;
        assert_eq!(first, delivered(effect).await);
        assert_ne!(first[0], first[1], "each connection has its own luck");
    }
}
