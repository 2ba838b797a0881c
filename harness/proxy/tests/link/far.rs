//! A long way is not a narrow one: what is under way under a latency is not held back.

use crate::support::{Bench, receive};
use harness_proxy::{DELAY_MAX, DELAYED_MAX, Direction, Effect, HELD_MAX};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// What a link of 100 MB a second has under way at 100 ms.
const UNDER_WAY: usize = 10_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_are_under_way_at_once() {
    for direction in [Direction::Requests, Direction::Replies] {
        let bench = Bench::open().await;
        let (client, server) = bench.pair().await;
        let (mut from, mut to) =
            if direction == Direction::Requests { (client, server) } else { (server, client) };
        let late = Effect::Latency { latency: DELAY_MAX, jitter: Duration::ZERO };
        bench.add("late", direction, late);
        let sent = vec![7; UNDER_WAY];
        let sending = sent.clone();
        // The end that sends is kept open until all has arrived.
        let sender = tokio::spawn(async move {
            from.write_all(&sending).await.unwrap();
            from
        });
        bench.until(|traffic| traffic.held == UNDER_WAY as u64).await;
        bench.link.remove("late").unwrap();
        receive(&mut to, &sent).await;
        sender.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_has_an_end_and_what_is_held_back_a_nearer_one() {
    for (effect, most) in [
        (Effect::Latency { latency: DELAY_MAX, jitter: Duration::ZERO }, DELAYED_MAX),
        (Effect::Bandwidth { rate: 0 }, HELD_MAX),
        (Effect::Blackhole, HELD_MAX),
    ] {
        let bench = Bench::open().await;
        let (mut client, _server) = bench.pair().await;
        bench.add("toxic", Direction::Requests, effect);
        let sending = tokio::spawn(async move {
            let block = vec![7; 1024 * 1024];
            // Until the sockets' own buffers are full.
            while client.write_all(&block).await.is_ok() {}
        });
        bench.until(|traffic| traffic.held == most as u64).await;
        assert!(!sending.is_finished());
        sending.abort();
    }
}
