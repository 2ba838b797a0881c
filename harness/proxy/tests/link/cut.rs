use crate::support::{
    Bench, RESET, echo_server, nothing_comes, passes, receive, rest, send, toxic,
};
use harness_proxy::{Direction, Effect, Link};
use std::io::ErrorKind;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_disabled_link_refuses_new_connections_until_enabled() {
    let bench = Bench::open().await;
    let address = bench.link.address();
    bench.link.disable();
    for _ in 0..10 {
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    bench.link.enable().unwrap();
    assert_eq!(bench.link.address(), address);
    assert!(bench.link.is_enabled());
    bench.pair().await;
}

#[tokio::test]
async fn disabling_resets_both_sides_of_established_connections() {
    let bench = Bench::open().await;
    let mut pairs = [bench.pair().await, bench.pair().await];
    bench.link.disable();
    for (client, server) in &mut pairs {
        assert_eq!(rest(client).await, RESET);
        assert_eq!(rest(server).await, RESET);
    }
    bench.until(|traffic| traffic.open == 0).await;
    assert_eq!(bench.link.traffic().reset, 2);
}

#[tokio::test]
async fn a_link_enabled_again_at_once_has_still_reset() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.link.disable();
    bench.link.enable().unwrap();
    assert_eq!(rest(&mut client).await, RESET);
    assert_eq!(rest(&mut server).await, RESET);
    bench.pair().await;
}

#[tokio::test]
async fn disabling_loses_what_was_held_back() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.blackhole();
    send(&mut client, b"lost").await;
    bench.until(|traffic| traffic.held == 4).await;
    bench.link.disable();
    assert_eq!(rest(&mut server).await, RESET);
    bench.until(|traffic| traffic.held == 0).await;
}

#[tokio::test]
async fn toxics_stay_while_disabled_and_hold_for_new_connections() {
    let bench = Bench::open().await;
    bench.link.disable();
    bench.blackhole();
    bench.link.enable().unwrap();
    assert_eq!(bench.link.toxics().len(), 2);
    let mut client = bench.client().await;
    send(&mut client, b"hello").await;
    nothing_comes(&mut client).await;
    bench.link.clear();
    let mut server = bench.accept().await;
    receive(&mut server, b"hello").await;
    passes(&mut server, &mut client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_changes_in_a_row_leave_a_working_link() {
    let link = Link::open(echo_server().await, 1).await.unwrap();
    let address = link.address();
    for _ in 0..100 {
        let client = TcpStream::connect(address).await.unwrap();
        link.disable();
        link.add(toxic("to", Direction::Requests, Effect::Blackhole)).unwrap();
        link.enable().unwrap();
        link.disable();
        link.clear();
        drop(client);
    }
    let mut client = TcpStream::connect(address).await.unwrap();
    send(&mut client, b"hello").await;
    receive(&mut client, b"hello").await;
}

#[tokio::test]
async fn to_clear_a_link_is_to_enable_it_too() {
    let bench = Bench::open().await;
    bench.blackhole();
    bench.link.disable();
    bench.link.disable();
    bench.link.clear();
    assert!(bench.link.is_enabled());
    assert_eq!(bench.link.toxics(), []);
    bench.pair().await;
}
