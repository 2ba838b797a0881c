//! What hangs with others: changes while a client does not read, or a server does not answer. Every
//! request here is given up after a while, so a test that hangs fails.

use crate::support::{CLOSED, RESET, Server, numbered, receive, rest, send};
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// More than all buffers between two ends take.
static PLENTY: LazyLock<Vec<u8>> = LazyLock::new(|| numbered(6_000_000));

/// A server that sends plenty to a client that does not read.
async fn deaf_client(server: &Server) -> (TcpStream, JoinHandle<io::Result<()>>) {
    let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = server.proxy(&behind.local_addr().unwrap().to_string()).await;
    let client = TcpStream::connect(proxy).await.unwrap();
    let (mut sender, _) = behind.accept().await.unwrap();
    let sending = tokio::spawn(async move {
        sender.write_all(&PLENTY).await?;
        sender.shutdown().await
    });
    (client, sending)
}

#[tokio::test]
async fn a_toxic_is_removed_while_the_client_does_not_read_and_nothing_is_lost() {
    for (kind, attributes) in [
        ("latency", json!({"latency": 10})),
        ("bandwidth", json!({"rate": 100_000})),
        ("slicer", json!({"average_size": 100_000})),
        ("blackhole", json!({})),
        ("noop", json!({})),
    ] {
        let server = Server::start().await;
        let (mut client, sending) = deaf_client(&server).await;
        server.poison("downstream", kind, attributes).await;
        server.cure().await;
        receive(&mut client, &PLENTY).await;
        assert_eq!(rest(&mut client).await, CLOSED, "{kind}");
        sending.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_proxy_is_removed_while_the_client_does_not_read() {
    let server = Server::start().await;
    let (mut client, _sending) = deaf_client(&server).await;
    assert_eq!(server.ask("DELETE /proxies/p", "").await.0, 204);
    let (_, end) = rest(&mut client).await;
    assert_eq!(end, RESET.1);
}

/// A server whose dials hang: its queue is full, and nobody accepts.
async fn full() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    loop {
        let dial = TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(300), dial).await {
            Ok(connected) => waiting.push(connected.unwrap()),
            Err(_hangs) => return (address, listener, waiting),
        }
    }
}

#[tokio::test]
async fn a_proxy_is_changed_and_removed_while_its_dial_hangs() {
    let (address, _listener, _waiting) = full().await;
    let server = Server::start().await;
    let proxy = server.proxy(&address.to_string()).await;
    let mut client = TcpStream::connect(proxy).await.unwrap();
    send(&mut client, b"anybody there?").await;
    for (request, body, status) in [
        ("POST /proxies/p/toxics", r#"{"name":"t","type":"latency"}"#, 200),
        ("DELETE /proxies/p/toxics/t", "", 204),
        ("POST /reset", "", 204),
        ("DELETE /proxies/p", "", 204),
    ] {
        assert_eq!(server.ask(request, body).await.0, status, "{request}");
    }
    assert_eq!(rest(&mut client).await, RESET);
    let refused = TcpStream::connect(proxy).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_name_that_nobody_knows_hangs_nothing() {
    let server = Server::start().await;
    let proxy = server.proxy("no-such-host.invalid:6379").await;
    let mut client = TcpStream::connect(proxy).await.unwrap();
    assert_eq!(server.ask("DELETE /proxies/p", "").await.0, 204);
    assert_eq!(rest(&mut client).await, RESET);
}

#[tokio::test]
async fn many_changes_at_once_leave_it_in_order() {
    let server = Arc::new(Server::start().await);
    server.proxy("127.0.0.1:1").await;
    let changes: Vec<_> = (0..16)
        .map(|number| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let body = format!(r#"{{"name":"t{number}","type":"noop"}}"#);
                assert_eq!(server.ask("POST /proxies/p/toxics", &body).await.0, 200);
                let toxic = format!("DELETE /proxies/p/toxics/t{number}");
                assert_eq!(server.ask(&toxic, "").await.0, 204);
            })
        })
        .collect();
    for change in changes {
        change.await.unwrap();
    }
    assert_eq!(server.ask("GET /proxies/p/toxics", "").await, (200, String::from("[]")));
}
