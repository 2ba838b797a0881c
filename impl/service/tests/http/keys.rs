//! Keys and values of any bytes, to their limits, and requests that ask for something else.

use crate::client::Security;
use crate::running::Running;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn keys_are_any_bytes() {
    let service = Running::plain().await;
    let mut client = service.client().await;
    let every_byte: String = (0..=255_u8).map(|byte| format!("%{byte:02X}")).collect();
    let paths = [
        "/v1/kv/plain".to_owned(),
        "/v1/kv/a%2Fb".to_owned(),
        "/v1/kv/a%252Fb".to_owned(),
        "/v1/kv/a%2Fincrement".to_owned(),
        "/v1/kv/append".to_owned(),
        "/v1/kv/%00".to_owned(),
        "/v1/kv/%ff%fe".to_owned(),
        "/v1/kv/%2E%2E".to_owned(),
        format!("/v1/kv/{every_byte}"),
        format!("/v1/kv/{}", "%00".repeat(1024)),
    ];
    for path in &paths {
        assert_eq!(client.put(path, path.clone()).await.status, 201, "{path}");
    }
    for path in &paths {
        assert_eq!(client.get(path).await.body, *path);
    }
    assert_eq!(client.get("/v1/kv/%70lain").await.body, "/v1/kv/plain", "one key, two spellings");
    assert_eq!(client.post("/v1/kv/a%2Fincrement/append", "!").await.status, 204);
    assert_eq!(client.get("/v1/kv/a%2Fincrement").await.body, "/v1/kv/a%2Fincrement!");
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let service = Running::plain().await;
    let mut client = service.client().await;
    for (path, status, error) in [
        ("/v1/kv/", 400, "empty-key"),
        ("/v1/kv//increment", 400, "empty-key"),
        ("/v1/kv/%", 400, "bad-key"),
        ("/v1/kv/%zz", 400, "bad-key"),
        (&format!("/v1/kv/{}", "k".repeat(1025)), 414, "key-too-long"),
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            if path.ends_with("increment") {
                continue;
            }
            let answer = client.send(method, path, &[], "x").await;
            assert_eq!((answer.status, answer.error().as_str()), (status, error), "{path}");
        }
        if path.ends_with("increment") {
            assert_eq!(client.post(path, "").await.error(), error);
        }
    }
    for path in ["/", "/v1", "/v1/kv", "/v1/kv/a/b", "/v1/kv/a/increment/", "/v2/kv/a"] {
        assert_eq!(client.get(path).await.error(), "no-route", "{path}");
    }
}

#[tokio::test]
async fn values_are_any_bytes_to_a_limit() {
    let service = Running::with(|settings| settings.limits.value_bytes = 1000).await;
    let mut client = service.client().await;
    let most: Vec<u8> = (0..1000_u16).map(|i| i.to_le_bytes()[0]).collect();
    assert_eq!(client.put("/v1/kv/k", most.clone()).await.status, 201);
    assert_eq!(client.get("/v1/kv/k").await.body, most);

    let more = client.put("/v1/kv/k", vec![0; 1001]).await;
    assert_eq!((more.status, more.error().as_str()), (413, "too-large"));
    let mut client = service.client().await;
    let longer = client.post("/v1/kv/k/append", "x").await;
    assert_eq!((longer.status, longer.error().as_str()), (413, "too-large"));
    assert_eq!(client.get("/v1/kv/k").await.body, most);
}

#[tokio::test]
async fn a_chunked_body_is_measured_as_it_comes() {
    let service = Running::with(|settings| settings.limits.value_bytes = 4).await;
    let answer = |chunks: &'static str| async move {
        let head = "PUT /v1/kv/k HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
        raw(service.address, &[head, chunks].concat()).await
    };
    assert!(answer("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n").await.starts_with("HTTP/1.1 413"));
}

async fn raw(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn a_request_that_stops_half_way_is_not_waited_for_without_end() {
    let service =
        Running::with(|settings| settings.limits.read_timeout = Duration::from_millis(100)).await;
    let body = "PUT /v1/kv/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf";
    assert!(raw(service.address, body).await.starts_with("HTTP/1.1 408"));
    let headers = "GET /v1/kv/k HTTP/1.1\r\nhost:";
    let answer = raw(service.address, headers).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(service.client().await.get("/healthz").await.status, 204);
}

#[tokio::test]
async fn what_is_more_than_the_service_takes_at_a_time_is_refused() {
    let service = Running::with(|settings| settings.limits.requests = 0).await;
    let mut client = service.client().await;
    let answer = client.put("/v1/kv/k", "x").await;
    assert_eq!((answer.status, answer.error().as_str()), (503, "overloaded"));
    assert_eq!(answer.problem()["outcome"], "not-applied");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(client.get("/healthz").await.status, 204, "probes are always answered");
}

#[tokio::test]
async fn headers_that_make_no_sense_are_refused() {
    let service = Running::plain().await;
    let mut client = service.client().await;
    for header in [
        ("gryadka-timeout-ms", "0"),
        ("gryadka-timeout-ms", "60001"),
        ("gryadka-timeout-ms", "soon"),
        ("if-match", "17"),
        ("if-none-match", "\"17"),
        ("content-range", "bytes 0-1/4"),
    ] {
        let answer = client.send("PUT", "/v1/kv/k", &[header], "x").await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "bad-header"), "{header:?}");
    }
    assert_eq!(client.get("/v1/kv/k").await.status, 404);
}

#[tokio::test]
async fn a_connection_more_than_there_may_be_waits_for_one_to_go() {
    let acceptors = crate::running::Acceptors::three();
    let service =
        Running::over(acceptors, Security::None, |settings| settings.limits.connections = 1).await;
    let mut first = service.client().await;
    assert_eq!(first.get("/healthz").await.status, 204);
    let mut second = service.client().await;
    let waiting = tokio::spawn(async move { second.get("/healthz").await.status });
    assert_eq!(first.get("/healthz").await.status, 204);
    assert!(!waiting.is_finished());
    drop(first);
    assert_eq!(waiting.await.unwrap(), 204);
}
