use crate::support::{Bench, CLOSED, RESET, nothing_comes, numbered, passes, receive, rest, send};
use harness_proxy::{Direction, Effect, HELD_MAX};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_blackhole_holds_back_both_ways_until_healed() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.blackhole();
    send(&mut client, b"ask").await;
    send(&mut server, b"answer").await;
    bench.until(|traffic| traffic.held == 9).await;
    nothing_comes(&mut server).await;
    nothing_comes(&mut client).await;
    assert_eq!(bench.link.traffic().held, 9);
    bench.link.clear();
    receive(&mut server, b"ask").await;
    receive(&mut client, b"answer").await;
    passes(&mut client, &mut server).await;
    assert_eq!(bench.link.traffic().held, 0);
}

#[tokio::test]
async fn lost_requests_stall_while_replies_flow() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("to", Direction::Requests, Effect::Blackhole);
    send(&mut client, b"ask").await;
    nothing_comes(&mut server).await;
    passes(&mut server, &mut client).await;
    bench.link.clear();
    receive(&mut server, b"ask").await;
}

#[tokio::test]
async fn lost_replies_stall_while_requests_flow() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("fro", Direction::Replies, Effect::Blackhole);
    send(&mut server, b"answer").await;
    nothing_comes(&mut client).await;
    passes(&mut client, &mut server).await;
    bench.link.clear();
    receive(&mut client, b"answer").await;
}

#[tokio::test]
async fn a_turned_one_way_lets_go_what_the_other_way_held() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("to", Direction::Requests, Effect::Blackhole);
    send(&mut client, b"ask").await;
    nothing_comes(&mut server).await;
    bench.add("fro", Direction::Replies, Effect::Blackhole);
    bench.link.remove("to").unwrap();
    receive(&mut server, b"ask").await;
    send(&mut server, b"answer").await;
    nothing_comes(&mut client).await;
}

#[tokio::test]
async fn the_server_hears_of_a_new_client_only_after_the_blackhole() {
    let bench = Bench::open().await;
    bench.blackhole();
    let mut client = bench.client().await;
    send(&mut client, b"ask").await;
    let heard = tokio::time::timeout(Duration::from_millis(60), bench.server.accept()).await;
    assert!(heard.is_err());
    bench.link.clear();
    let mut server = bench.accept().await;
    receive(&mut server, b"ask").await;
    passes(&mut server, &mut client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_megabyte_through_a_blackhole_arrives_whole_and_in_order() {
    let bench = Bench::open().await;
    let (client, server) = bench.pair().await;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let sent = numbered(256 * 1024);
    let send = |mut to: tokio::net::tcp::OwnedWriteHalf, bytes: Vec<u8>| {
        tokio::spawn(async move {
            to.write_all(&bytes).await.unwrap();
            to.shutdown().await.unwrap();
        })
    };
    let (first, second) = sent.split_at(300_001);
    to_client.write_all(first).await.unwrap();
    to_server.write_all(first).await.unwrap();
    bench.blackhole();
    let senders = [send(to_client, second.to_vec()), send(to_server, second.to_vec())];
    bench.until(|traffic| traffic.held > 0).await;
    bench.link.clear();
    for source in [&mut from_client, &mut from_server] {
        let mut received = Vec::new();
        source.read_to_end(&mut received).await.unwrap();
        assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
    }
    for sender in senders {
        sender.await.unwrap();
    }
}

#[tokio::test]
async fn the_last_words_of_a_gone_client_are_delivered_after_the_heal() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.blackhole();
    send(&mut client, b"last words").await;
    drop(client);
    nothing_comes(&mut server).await;
    bench.link.clear();
    receive(&mut server, b"last words").await;
    assert_eq!(rest(&mut server).await, CLOSED);
}

#[tokio::test]
async fn the_reset_of_a_client_comes_after_its_last_words() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.blackhole();
    send(&mut client, b"last words").await;
    bench.until(|traffic| traffic.held == 10).await;
    client.set_zero_linger().unwrap();
    drop(client);
    nothing_comes(&mut server).await;
    bench.link.clear();
    receive(&mut server, b"last words").await;
    assert_eq!(rest(&mut server).await, RESET);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_is_bounded_however_much_is_sent() {
    let bench = Bench::open().await;
    let (client, server) = bench.pair().await;
    let bound = 2 * HELD_MAX as u64;
    bench.blackhole();
    let flood = |mut stream: tokio::net::TcpStream| {
        tokio::spawn(async move {
            let block = vec![7; 1 << 20];
            while stream.write_all(&block).await.is_ok() {}
        })
    };
    let floods = [flood(client), flood(server)];
    bench.until(|traffic| traffic.held == bound).await;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(bench.link.traffic().held, bound);
    }
    drop(bench.link);
    for flood in floods {
        flood.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_never_reads_holds_up_neither_changes_nor_the_heal() {
    let bench = Bench::open().await;
    let (mut client, server) = bench.pair().await;
    let flood = tokio::spawn(async move {
        let block = vec![7; 1 << 20];
        while client.write_all(&block).await.is_ok() {}
    });
    bench.until(|traffic| traffic.held == HELD_MAX as u64).await;
    let delay = Duration::from_millis(5);
    for effect in [
        Effect::Latency { latency: delay, jitter: delay },
        Effect::Bandwidth { rate: 1 },
        Effect::Slicer { average_size: 2, size_variation: 1, delay: Duration::ZERO },
        Effect::Loss { probability: 0.5 },
        Effect::SlowClose { delay },
        Effect::Blackhole,
        Effect::Noop,
    ] {
        bench.add("one", Direction::Requests, effect);
        assert!(bench.link.traffic().held <= 2 * HELD_MAX as u64);
        bench.link.remove("one").unwrap();
    }
    // It is held whole after all that, and a reset does not wait for the reader either.
    bench.until(|traffic| traffic.held == HELD_MAX as u64).await;
    bench.add("end", Direction::Requests, Effect::ResetPeer { timeout: Duration::ZERO });
    flood.await.unwrap();
    bench.until(|traffic| traffic.open == 0 && traffic.held == 0).await;
    drop(server);
}
