//! Clients that do not read, and a service that has enough to do.

use crate::running::Running;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// More than lies between two ends of a connection.
const LONG: usize = 16 << 20;

#[tokio::test]
async fn who_does_not_read_an_answer_loses_the_connection_to_others() {
    let service = Running::with(|settings| {
        settings.limits.connections = 1;
        // A slow machine needs its time for so long a value.
        settings.limits.timeout = Duration::from_secs(60);
        settings.limits.write_timeout = Duration::from_millis(100);
    })
    .await;
    let mut client = service.client().await;
    assert_eq!(client.put("/v1/kv/long", vec![7; LONG]).await.status, 201);
    drop(client);
    let mut deaf = TcpStream::connect(service.address).await.unwrap();
    let head = "GET /v1/kv/long HTTP/1.1\r\nhost: localhost\r\n\r\n";
    deaf.write_all(head.as_bytes()).await.unwrap();
    // There may be one connection only: this one is served when the other has been given up.
    let served = async { service.client().await.get("/healthz").await.status };
    assert_eq!(timeout(Duration::from_secs(60), served).await, Ok(204));
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
