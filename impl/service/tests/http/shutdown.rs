//! The end of a service, in good order.

use crate::running::Running;
use gryadka_service::Drained;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEAD: &str = "PUT /v1/kv/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 8\r\n\r\n";

/// A connection whose request is half sent, and known to be under way.
async fn half_sent(service: &Running) -> TcpStream {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    stream.write_all(HEAD.as_bytes()).await.unwrap();
    stream.write_all(b"half").await.unwrap();
    let mut other = service.client().await;
    // The request for metrics, and the one that is half sent.
    let both = "gryadka_http_in_flight 2";
    while !String::from_utf8_lossy(&other.get("/metrics").await.body).contains(both) {}
    stream
}

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_is_begun() {
    let service = Running::plain().await;
    let address = service.address;
    let idle = service.client().await;
    let mut under_way = half_sent(&service).await;
    let (end, _acceptors) = service.stop();
    while TcpStream::connect(address).await.is_ok() {}
    under_way.write_all(b"done").await.unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(end.await.unwrap(), Drained::Finished);
    drop(idle);
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off() {
    let service =
        Running::with(|settings| settings.shutdown_grace = Duration::from_millis(50)).await;
    let under_way = half_sent(&service).await;
    let (end, _acceptors) = service.stop();
    assert_eq!(end.await.unwrap(), Drained::CutOff);
    drop(under_way);
}
