use crate::support::{Bench, CLOSED, RESET, echo_server, receive, rest, send};
use harness_proxy::{Condition, Flow, Link};
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
    assert_eq!(traffic.requests, Flow { bytes: 10, chunks: 2 });
    assert_eq!(traffic.replies, Flow { bytes: 5, chunks: 1 });
}

#[tokio::test]
async fn a_client_is_reset_when_the_server_is_not_there() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = Link::open(gone.local_addr().unwrap(), 1).await.unwrap();
    drop(gone);
    let mut client = TcpStream::connect(link.address()).await.unwrap();
    assert_eq!(rest(&mut client).await, RESET);
    assert_eq!(link.traffic().unreachable, 1);
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
    for condition in [Condition::Blackhole, Condition::Clear, Condition::Cut, Condition::Clear] {
        link.set(condition).unwrap();
    }
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
