use crate::support::{Bench, CLOSED, RESET, echo_server, receive, rest, send, toxic};
use harness_proxy::{Direction, Effect, Flow, Link, ProxyError, Upstream};
use std::io::ErrorKind;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_half_close_is_passed_on_and_the_other_half_goes_on() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await, CLOSED);
    send(&mut server, b"still here").await;
    receive(&mut client, b"still here").await;
    drop(server);
    assert_eq!(rest(&mut client).await, CLOSED);
    bench.until(|traffic| traffic.open == 0).await;
    assert_eq!(bench.link.traffic().reset, 0);
}

#[tokio::test]
async fn a_reset_is_passed_on() {
    let bench = Bench::open().await;
    let (mut client, server) = bench.pair().await;
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(rest(&mut client).await, RESET);
}

#[tokio::test]
async fn traffic_is_counted_per_direction() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    send(&mut client, b"three").await;
    receive(&mut server, b"three").await;
    let traffic = bench.link.traffic();
    assert_eq!((traffic.accepted, traffic.open), (1, 1));
    assert_eq!(traffic.requests, Flow { received: 10, bytes: 10, chunks: 2 });
    assert_eq!(traffic.replies, Flow { received: 5, bytes: 5, chunks: 1 });
}

/// A link to a server that is gone.
async fn to_nobody() -> Link {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Link::open(gone.local_addr().unwrap(), 1).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_accepted_and_closed_when_the_server_is_not_there() {
    let link = to_nobody().await;
    for number in 1..=100 {
        let mut client = TcpStream::connect(link.address()).await.unwrap();
        assert_eq!(rest(&mut client).await, CLOSED, "client {number}");
    }
    let traffic = link.traffic();
    assert_eq!((traffic.accepted, traffic.unreachable, traffic.reset), (100, 100, 0));
}

#[tokio::test]
async fn what_a_client_says_to_nobody_does_not_turn_its_close_into_a_reset() {
    let link = to_nobody().await;
    for words in [&b"PING\r\n"[..], &[7; 200_000]] {
        let mut client = TcpStream::connect(link.address()).await.unwrap();
        send(&mut client, words).await;
        assert_eq!(rest(&mut client).await, CLOSED);
    }
}

#[tokio::test]
async fn a_client_that_does_not_close_is_not_kept_for_ever() {
    let link = to_nobody().await;
    let _client = TcpStream::connect(link.address()).await.unwrap();
    while link.traffic().unreachable == 0 || link.traffic().open > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_reset_of_the_server_is_no_close() {
    let bench = Bench::open().await;
    let mut client = bench.client().await;
    let server = bench.accept().await;
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(rest(&mut client).await, RESET);
    assert_eq!(bench.link.traffic().unreachable, 0);
}

#[tokio::test]
async fn dropping_the_link_refuses_and_resets() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let address = bench.link.address();
    drop(bench.link);
    assert_eq!(rest(&mut client).await, RESET);
    assert_eq!(rest(&mut server).await, RESET);
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

/// An address of the range kept for documentation: connecting to it gets no answer, or an error
/// where there is no route.
const NOWHERE: &str = "192.0.2.1:9";

#[tokio::test]
async fn a_hanging_dial_holds_up_neither_changes_nor_the_end() {
    let link = Link::open(NOWHERE.parse().unwrap(), 1).await.unwrap();
    let mut client = TcpStream::connect(link.address()).await.unwrap();
    link.add(toxic("to", Direction::Requests, Effect::Blackhole)).unwrap();
    link.update(toxic("to", Direction::Requests, Effect::Noop)).unwrap();
    link.remove("to").unwrap();
    link.disable();
    link.enable().unwrap();
    assert_eq!(rest(&mut client).await, RESET);
    let mut client = TcpStream::connect(link.address()).await.unwrap();
    drop(link);
    assert_eq!(rest(&mut client).await, RESET);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_at_once_each_get_their_own_bytes() {
    let link = Link::open(echo_server().await, 1).await.unwrap();
    let clients: Vec<_> = (0..50_u8)
        .map(|number| {
            let address = link.address();
            tokio::spawn(async move {
                let mut client = TcpStream::connect(address).await.unwrap();
                for size in [1, 100, 70_000] {
                    let words = vec![number; size];
                    send(&mut client, &words).await;
                    receive(&mut client, &words).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(link.traffic().requests.bytes, 50 * 70_101);
    assert_eq!(link.traffic().replies.bytes, 50 * 70_101);
}

async fn echoes(link: &Link) {
    let mut client = TcpStream::connect(link.address()).await.unwrap();
    send(&mut client, b"hello").await;
    receive(&mut client, b"hello").await;
}

#[tokio::test]
async fn a_name_is_resolved_when_a_client_comes() {
    let port = echo_server().await.port();
    let name = |host: &str| Upstream::Name { host: host.to_owned(), port };
    let any = "127.0.0.1:0".parse().unwrap();
    let link = Link::listen_on(any, name("localhost"), 1, true).await.unwrap();
    assert_eq!(link.upstream().to_string(), format!("localhost:{port}"));
    echoes(&link).await;
    // No label is as long as this: the resolver refuses it without asking anybody.
    let nobody = Link::listen_on(any, name(&"n".repeat(64)), 1, true).await.unwrap();
    let mut client = TcpStream::connect(nobody.address()).await.unwrap();
    assert_eq!(rest(&mut client).await, CLOSED);
    assert_eq!(nobody.traffic().unreachable, 1);
}

#[tokio::test]
async fn listens_where_it_is_told() {
    let upstream = Upstream::from(echo_server().await);
    let mut places = vec!["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0"];
    // Some machines have no IPv6 at all.
    if TcpListener::bind("[::1]:0").await.is_ok() {
        places.push("[::1]:0");
    }
    for listen in places {
        let link = Link::listen_on(listen.parse().unwrap(), upstream.clone(), 1, true).await;
        let link = link.unwrap();
        assert_eq!(
            link.address().ip().to_string(),
            listen[..listen.len() - 2].replace(['[', ']'], "")
        );
        assert_ne!(link.address().port(), 0);
        echoes(&link).await;
    }
}

#[tokio::test]
async fn a_link_opened_disabled_has_its_port_and_refuses() {
    let upstream = Upstream::from(echo_server().await);
    let any = "127.0.0.1:0".parse().unwrap();
    let link = Link::listen_on(any, upstream.clone(), 1, false).await.unwrap();
    assert!(!link.is_enabled());
    let refused = TcpStream::connect(link.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let second = Link::listen_on(link.address(), upstream, 1, true).await;
    assert!(matches!(second, Err(ProxyError::Port { .. })), "{second:?}");
    link.enable().unwrap();
    echoes(&link).await;
}

#[tokio::test]
async fn the_port_of_a_dropped_link_can_be_taken_at_once() {
    let upstream = Upstream::from(echo_server().await);
    let mut address = "127.0.0.1:0".parse().unwrap();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let link = Link::listen_on(address, upstream.clone(), 1, true).await.unwrap();
        address = link.address();
        clients.push(TcpStream::connect(address).await.unwrap());
        echoes(&link).await;
    }
}
