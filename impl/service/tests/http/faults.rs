//! Acceptors come and go.

use crate::client::Client;
use crate::running::Running;

const KEY: &str = "/v1/kv/k";
/// Short, because it is waited for.
const SOON: (&str, &str) = ("gryadka-timeout-ms", "300");

#[tokio::test]
async fn one_acceptor_stopped_changes_nothing_for_clients() {
    let mut service = Running::plain().await;
    let mut client = service.client().await;
    for stopped in 0..3 {
        service.acceptors.stop(stopped);
        let value = format!("without {stopped}");
        assert!(matches!(client.put(KEY, value.clone()).await.status, 201 | 204));
        assert_eq!(client.get(KEY).await.body, value);
        assert_eq!(client.get("/readyz").await.status, 204);
        service.acceptors.start(stopped).await;
    }
}

#[tokio::test]
async fn without_a_quorum_it_is_503_and_with_one_it_recovers_by_itself() {
    let mut service = Running::plain().await;
    let mut client = service.client().await;
    assert_eq!(client.put(KEY, "before").await.status, 201);
    service.acceptors.stop(0);
    service.acceptors.stop(1);

    for (method, path) in [
        ("GET", KEY),
        ("PUT", KEY),
        ("DELETE", KEY),
        ("POST", "/v1/kv/k/append"),
        ("POST", "/v1/kv/k/increment"),
        ("GET", "/readyz"),
    ] {
        undecided(&mut client, method, path).await;
    }
    assert_eq!(client.get("/healthz").await.status, 204);

    service.acceptors.start(0).await;
    while client.get("/readyz").await.status != 204 {}
    assert_eq!(client.put(KEY, "after").await.status, 204);
    assert_eq!(client.get(KEY).await.body, "after");
}

/// The two outcomes are distinct, and only a change that was not applied may be repeated blindly.
async fn undecided(client: &mut Client, method: &str, path: &str) {
    let answer = client.send(method, path, &[SOON], "7").await;
    assert_eq!((answer.status, answer.error().as_str()), (503, "undecided"), "{method} {path}");
    let problem = answer.problem();
    let outcome = problem["outcome"].as_str().unwrap();
    assert!(["not-applied", "unknown"].contains(&outcome), "{outcome}");
    assert!(["unreachable", "deadline"].contains(&problem["reason"].as_str().unwrap()));
    assert_eq!(answer.header("retry-after"), (outcome == "not-applied").then_some("1"));
    if method == "GET" {
        assert_eq!(outcome, "not-applied", "a read leaves nothing behind");
    }
}

/// The proposer has sent the accepts at once, over the promises of the change before, and one acceptor has taken
/// its own: it may yet be found, or not.
#[tokio::test]
async fn a_change_that_one_acceptor_has_accepted_is_unknown() {
    let mut service = Running::plain().await;
    let mut client = service.client().await;
    assert_eq!(client.put(KEY, "before").await.status, 201);
    service.acceptors.stop(0);
    service.acceptors.stop(1);
    let answer = client.send("PUT", KEY, &[SOON], "after").await;
    assert_eq!((answer.status, answer.error().as_str()), (503, "undecided"));
    assert_eq!(answer.problem()["outcome"], "unknown");
    assert_eq!(answer.header("retry-after"), None, "it must not be tried again blindly");

    service.acceptors.start(0).await;
    while client.get("/readyz").await.status != 204 {}
    let found = client.get(KEY).await.body;
    assert!(found == "before" || found == "after", "{found:?}");
    assert_eq!(client.get(KEY).await.body, found, "what was read stays");
}

#[tokio::test]
async fn outcomes_are_counted() {
    let mut service = Running::plain().await;
    let mut client = service.client().await;
    client.put(KEY, "one").await;
    client.get("/v1/kv/%ff/of/nothing").await;
    service.acceptors.stop(0);
    service.acceptors.stop(1);
    client.send("GET", KEY, &[SOON], "").await;
    let metrics = client.get("/metrics").await;
    let text = std::str::from_utf8(&metrics.body).unwrap();
    let mut lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("_total{") || line.contains("_count{"))
        .chain(text.lines().filter(|line| line.starts_with("gryadka_http_in_flight")))
        .collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    gryadka_changes_total{outcome="committed"} 1
    gryadka_changes_total{outcome="not-applied"} 1
    gryadka_http_in_flight 1
    gryadka_http_latency_seconds_count{route="/v1/kv/{key}",method="GET"} 1
    gryadka_http_latency_seconds_count{route="/v1/kv/{key}",method="PUT"} 1
    gryadka_http_latency_seconds_count{route="other",method="GET"} 1
    gryadka_http_requests_total{route="/v1/kv/{key}",method="GET",status="503"} 1
    gryadka_http_requests_total{route="/v1/kv/{key}",method="PUT",status="201"} 1
    gryadka_http_requests_total{route="other",method="GET",status="404"} 1
    "#);
}
