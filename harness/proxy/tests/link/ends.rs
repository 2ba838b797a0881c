use crate::support::{Bench, CLOSED, RESET, nothing_comes, passes, receive, rest, send};
use harness_proxy::{DELAY_MAX, Direction, Effect};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(30);

#[tokio::test]
async fn a_timeout_of_0_loses_what_comes_and_closes_when_removed() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("dead", Direction::Replies, Effect::Timeout { timeout: Duration::ZERO });
    send(&mut server, b"lost").await;
    nothing_comes(&mut client).await;
    assert_eq!(bench.link.traffic().held, 0);
    passes(&mut client, &mut server).await;
    bench.link.remove("dead").unwrap();
    assert_eq!(rest(&mut client).await, CLOSED);
    assert_eq!(rest(&mut server).await, CLOSED);
    bench.until(|traffic| traffic.open == 0).await;
    assert_eq!((bench.link.traffic().closed, bench.link.traffic().reset), (1, 0));
    bench.pair().await;
}

#[tokio::test]
async fn a_timeout_closes_when_it_is_over_although_nothing_comes() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let begin = Instant::now();
    bench.add("dead", Direction::Requests, Effect::Timeout { timeout: SOON });
    assert_eq!(rest(&mut client).await, CLOSED);
    assert_eq!(rest(&mut server).await, CLOSED);
    assert!(begin.elapsed() >= SOON);
    let begin = Instant::now();
    let mut client = bench.client().await;
    assert_eq!(rest(&mut client).await, CLOSED);
    assert!(begin.elapsed() >= SOON, "new connections have their own time");
}

#[tokio::test]
async fn established_connections_are_reset_at_once_and_new_ones_too() {
    let bench = Bench::open().await;
    for direction in [Direction::Requests, Direction::Replies] {
        let (mut client, mut server) = bench.pair().await;
        bench.add("peer", direction, Effect::ResetPeer { timeout: Duration::ZERO });
        assert_eq!(rest(&mut client).await, RESET);
        assert_eq!(rest(&mut server).await, RESET);
        let mut client = bench.client().await;
        assert_eq!(rest(&mut client).await, RESET);
        drop(bench.server.accept().await.unwrap());
        bench.link.remove("peer").unwrap();
    }
    bench.pair().await;
}

#[tokio::test]
async fn a_reset_comes_after_its_time_and_nothing_passes_until_then() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let begin = Instant::now();
    bench.add("peer", Direction::Replies, Effect::ResetPeer { timeout: SOON });
    send(&mut server, b"lost").await;
    assert_eq!(rest(&mut client).await, RESET);
    assert!(begin.elapsed() >= SOON);
}

#[tokio::test]
async fn a_reset_called_off_spares_a_connection_unless_bytes_are_gone() {
    let bench = Bench::open().await;
    let (mut untouched, mut server_of_untouched) = bench.pair().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("peer", Direction::Replies, Effect::ResetPeer { timeout: DELAY_MAX });
    send(&mut server, b"lost").await;
    nothing_comes(&mut client).await;
    bench.link.remove("peer").unwrap();
    assert_eq!(rest(&mut client).await, RESET);
    passes(&mut server_of_untouched, &mut untouched).await;
}

#[tokio::test]
async fn a_connection_is_closed_after_so_many_bytes_of_its_own() {
    let bench = Bench::open().await;
    let mut pairs = [bench.pair().await, bench.pair().await];
    bench.add("limit", Direction::Replies, Effect::LimitData { bytes: 8 });
    for (client, server) in &mut pairs {
        send(server, b"hello").await;
        receive(client, b"hello").await;
        send(server, b"world").await;
        receive(client, b"wor").await;
        assert_eq!(rest(client).await, CLOSED);
    }
    bench.until(|traffic| traffic.closed == 2).await;
    bench.link.remove("limit").unwrap();
    bench.pair().await;
}

#[tokio::test]
async fn a_limit_that_is_just_reached_closes_and_one_that_is_not_does_not() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("limit", Direction::Requests, Effect::LimitData { bytes: 10 });
    passes(&mut client, &mut server).await;
    nothing_comes(&mut client).await;
    send(&mut client, b"hello").await;
    receive(&mut server, b"hello").await;
    assert_eq!(rest(&mut server).await, CLOSED);
    assert_eq!(rest(&mut client).await, CLOSED);
}
