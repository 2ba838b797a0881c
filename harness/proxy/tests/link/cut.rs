use crate::support::{Bench, RESET, echo_server, nothing_comes, passes, receive, rest, send};
use harness_proxy::{Condition, Link};
use std::io::ErrorKind;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_cut_refuses_new_connections_until_healed() {
    let bench = Bench::open().await;
    let address = bench.link.address();
    bench.link.set(Condition::Cut).unwrap();
    for _ in 0..10 {
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    bench.link.heal().unwrap();
    assert_eq!(bench.link.address(), address);
    assert_eq!(bench.link.condition(), Condition::Clear);
    bench.pair().await;
}

#[tokio::test]
async fn a_cut_resets_both_sides_of_established_connections() {
    let bench = Bench::open().await;
    let mut pairs = [bench.pair().await, bench.pair().await];
    bench.link.set(Condition::Cut).unwrap();
    for (client, server) in &mut pairs {
        assert_eq!(rest(client).await, RESET);
        assert_eq!(rest(server).await, RESET);
    }
    bench.until(|traffic| traffic.open == 0).await;
    assert_eq!(bench.link.traffic().reset, 2);
}

#[tokio::test]
async fn a_cut_healed_at_once_still_resets() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.link.set(Condition::Cut).unwrap();
    bench.link.heal().unwrap();
    assert_eq!(rest(&mut client).await, RESET);
    assert_eq!(rest(&mut server).await, RESET);
    bench.pair().await;
}

#[tokio::test]
async fn a_cut_loses_what_was_held_back() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.link.set(Condition::Blackhole).unwrap();
    send(&mut client, b"lost").await;
    bench.until(|traffic| traffic.held == 4).await;
    bench.link.set(Condition::Cut).unwrap();
    assert_eq!(rest(&mut server).await, RESET);
    bench.until(|traffic| traffic.held == 0).await;
}

#[tokio::test]
async fn the_condition_set_after_a_cut_holds_for_new_connections() {
    let bench = Bench::open().await;
    bench.link.set(Condition::Cut).unwrap();
    bench.link.set(Condition::Blackhole).unwrap();
    let mut client = bench.client().await;
    send(&mut client, b"hello").await;
    nothing_comes(&mut client).await;
    bench.link.heal().unwrap();
    let (mut server, _) = bench.server.accept().await.unwrap();
    receive(&mut server, b"hello").await;
    passes(&mut server, &mut client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_changes_in_a_row_leave_a_working_link() {
    let link = Link::open(echo_server().await, 1).await.unwrap();
    let address = link.address();
    for _ in 0..100 {
        let client = TcpStream::connect(address).await.unwrap();
        for condition in [Condition::Cut, Condition::Blackhole, Condition::Clear, Condition::Cut] {
            link.set(condition).unwrap();
        }
        link.heal().unwrap();
        drop(client);
    }
    let mut client = TcpStream::connect(address).await.unwrap();
    send(&mut client, b"hello").await;
    receive(&mut client, b"hello").await;
}
