use crate::support::{Bench, CLOSED, numbered, passes, receive, rest, send, toxic};
use harness_proxy::{DELAY_MAX, Direction, Effect};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LATE: Duration = Duration::from_millis(30);

fn latency(latency: Duration) -> Effect {
    Effect::Latency { latency, jitter: Duration::ZERO }
}

#[tokio::test]
async fn each_direction_is_late_by_its_own_latency() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("fro", Direction::Replies, latency(LATE));
    for _ in 0..5 {
        send(&mut client, b"ask").await;
        receive(&mut server, b"ask").await;
        let answered = Instant::now();
        send(&mut server, b"answer").await;
        receive(&mut client, b"answer").await;
        assert!(answered.elapsed() >= LATE);
    }
    bench.add("to", Direction::Requests, latency(2 * LATE));
    let asked = Instant::now();
    send(&mut client, b"ask").await;
    receive(&mut server, b"ask").await;
    assert!(asked.elapsed() >= 2 * LATE);
}

#[tokio::test]
async fn new_connections_are_late_too() {
    let bench = Bench::open().await;
    bench.add("fro", Direction::Replies, latency(LATE));
    let mut client = bench.client().await;
    let mut server = bench.accept().await;
    let answered = Instant::now();
    send(&mut server, b"answer").await;
    receive(&mut client, b"answer").await;
    assert!(answered.elapsed() >= LATE);
}

#[tokio::test]
async fn a_removed_latency_lets_go_at_once_what_was_late() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("one", Direction::Replies, latency(DELAY_MAX));
    bench.add("two", Direction::Replies, latency(LATE));
    let sent = Instant::now();
    send(&mut server, b"answer").await;
    bench.until(|traffic| traffic.held == 6).await;
    bench.link.remove("one").unwrap();
    receive(&mut client, b"answer").await;
    assert!(sent.elapsed() >= LATE, "the other one still holds");
    bench.link.remove("two").unwrap();
    passes(&mut server, &mut client).await;
}

#[tokio::test]
async fn latencies_add_up() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("one", Direction::Replies, latency(LATE));
    bench.add("two", Direction::Replies, latency(LATE));
    let sent = Instant::now();
    send(&mut server, b"answer").await;
    receive(&mut client, b"answer").await;
    assert!(sent.elapsed() >= 2 * LATE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jitter_and_slices_keep_the_order() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let jitter = Duration::from_millis(3);
    bench.add("late", Direction::Replies, Effect::Latency { latency: jitter, jitter });
    let slicer = Effect::Slicer { average_size: 50, size_variation: 40, delay: Duration::ZERO };
    bench.add("cut", Direction::Replies, slicer);
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

#[tokio::test]
async fn a_bandwidth_makes_bytes_take_their_time() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let words = numbered(2500);
    bench.add("narrow", Direction::Replies, Effect::Bandwidth { rate: 200 });
    let sent = Instant::now();
    send(&mut server, &words).await;
    receive(&mut client, &words).await;
    assert!(sent.elapsed() >= Duration::from_millis(50), "{:?}", sent.elapsed());
    passes(&mut client, &mut server).await;
}

#[tokio::test]
async fn a_bandwidth_of_0_stalls_and_loses_nothing() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("none", Direction::Replies, Effect::Bandwidth { rate: 0 });
    send(&mut server, b"answer").await;
    bench.until(|traffic| traffic.held == 6).await;
    drop(server);
    crate::support::nothing_comes(&mut client).await;
    bench.link.update(toxic("none", Direction::Replies, Effect::Bandwidth { rate: 1 })).unwrap();
    receive(&mut client, b"answer").await;
    assert_eq!(rest(&mut client).await, CLOSED);
}

#[tokio::test]
async fn a_narrow_bandwidth_removed_lets_the_rest_go() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let words = numbered(25_000);
    // It would take 100 seconds.
    bench.add("narrow", Direction::Replies, Effect::Bandwidth { rate: 1 });
    send(&mut server, &words).await;
    bench.until(|traffic| traffic.held > 50_000).await;
    bench.link.remove("narrow").unwrap();
    receive(&mut client, &words).await;
}

#[tokio::test]
async fn slices_come_with_pauses_until_the_slicer_is_removed() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let pause = Duration::from_millis(10);
    let slicer = Effect::Slicer { average_size: 4, size_variation: 0, delay: pause };
    bench.add("cut", Direction::Replies, slicer);
    let before = bench.link.traffic().replies.chunks;
    let sent = Instant::now();
    send(&mut server, b"sixteen letters.").await;
    receive(&mut client, b"sixteen letters.").await;
    assert!(sent.elapsed() >= 3 * pause, "{:?}", sent.elapsed());
    assert_eq!(bench.link.traffic().replies.chunks - before, 4);
    bench.link.remove("cut").unwrap();
    let before = bench.link.traffic().replies.chunks;
    send(&mut server, b"sixteen letters.").await;
    receive(&mut client, b"sixteen letters.").await;
    bench.until(|traffic| traffic.replies.chunks - before == 1).await;
}

#[tokio::test]
async fn a_slow_close_delays_the_end_and_nothing_else() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("slow", Direction::Replies, Effect::SlowClose { delay: DELAY_MAX });
    send(&mut server, b"last words").await;
    drop(server);
    receive(&mut client, b"last words").await;
    crate::support::nothing_comes(&mut client).await;
    bench.link.remove("slow").unwrap();
    assert_eq!(rest(&mut client).await, CLOSED);

    let (mut client, server) = bench.pair().await;
    bench.add("slow", Direction::Replies, Effect::SlowClose { delay: LATE });
    let closed = Instant::now();
    drop(server);
    assert_eq!(rest(&mut client).await, CLOSED);
    assert!(closed.elapsed() >= LATE);
}
