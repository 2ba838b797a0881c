//! Clients that read or send slowly, and a service that can take no more.

use crate::running::Running;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// More than the buffers of a connection hold.
const LONG_BYTES: usize = 16 << 20;

#[tokio::test]
async fn a_client_that_does_not_read_an_answer_loses_its_connection() {
    let service = Running::with(|settings| {
        settings.limits.connections = 1;
        // A slow machine needs its time for so long a value.
        settings.limits.timeout = Duration::from_secs(60);
        settings.limits.write_timeout = Duration::from_millis(100);
    })
    .await;
    let mut client = service.client().await;
    assert_eq!(client.put("/v1/kv/long", vec![7; LONG_BYTES]).await.status, 201);
    drop(client);
    let mut reads_nothing = TcpStream::connect(service.address).await.unwrap();
    let head = "GET /v1/kv/long HTTP/1.1\r\nhost: localhost\r\n\r\n";
    reads_nothing.write_all(head.as_bytes()).await.unwrap();
    // There may be one connection only: this one is served when the other has been given up.
    let served = async { service.client().await.get("/healthz").await.status };
    assert_eq!(timeout(Duration::from_secs(60), served).await, Ok(204));
}

/// A connection on which a `PUT` of this length has begun, and these bytes of the body were sent.
async fn begun(service: &Running, length: usize, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head =
        format!("PUT /v1/kv/slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut other = service.client().await;
    // The request for metrics, and the one that is half sent.
    let both = "gryadka_http_in_flight 2";
    while !String::from_utf8_lossy(&other.get("/metrics").await.body).contains(both) {}
    stream
}

#[tokio::test]
async fn a_body_that_is_sent_slowly_takes_no_other_requests_place() {
    let service = Running::with(|settings| settings.limits.requests = 1).await;
    let mut slow = begun(&service, 8, b"half").await;
    let mut client = service.client().await;
    assert_eq!(client.get("/readyz").await.status, 204);
    assert_eq!(client.put("/v1/kv/k", "x").await.status, 201);
    assert_eq!(client.get("/v1/kv/k").await.body, "x");
    slow.write_all(b"done").await.unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 201");
}

#[tokio::test]
async fn a_body_that_is_sent_slowly_is_given_up_for_another() {
    let service = Running::with(|settings| {
        settings.limits.value_bytes = 100;
        settings.limits.body_bytes = 100;
        settings.limits.read_timeout = Duration::from_secs(600);
    })
    .await;
    let mut slow = begun(&service, 100, &[7; 90]).await;
    let mut client = service.client().await;
    let served = async {
        loop {
            let answer = client.put("/v1/kv/k", vec![7; 50]).await;
            if answer.status == 201 {
                return;
            }
            assert_eq!((answer.status, answer.error().as_str()), (503, "overloaded"));
            assert_eq!(answer.problem()["outcome"], "not-applied");
        }
    };
    timeout(Duration::from_secs(60), served).await.unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_service_that_can_take_no_more_says_at_once_that_it_is_not_ready() {
    let mut service = Running::with(|settings| settings.limits.requests = 0).await;
    // Otherwise it would be waited for.
    service.acceptors.stop(0);
    service.acceptors.stop(1);
    let answer = service.client().await.get("/readyz").await;
    assert_eq!((answer.status, answer.error().as_str()), (503, "overloaded"));
}
