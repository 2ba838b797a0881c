//! The acceptors change, and deleted keys are erased, while clients go on.

use crate::client::{Answer, Client};
use crate::running::Running;
use gryadka_service::Token;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::task::JoinHandle;

const ADMIN: (&str, &str) = ("authorization", "Bearer an administrator's token");

async fn administered() -> Running {
    let token = Token::new("an administrator's token").unwrap();
    Running::with(|settings| settings.tokens.admin = Some(token)).await
}

async fn post(client: &mut Client, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    client.send("POST", &format!("/v1/cluster/{path}"), &[ADMIN], body).await
}

/// Begins an operation, and follows it to its end.
async fn done(client: &mut Client, path: &str, body: Value) -> Value {
    let begun = post(client, path, &body).await;
    assert_eq!(begun.status, 202, "{path}: {:?}", begun.body);
    let location = begun.header("location").unwrap().to_owned();
    loop {
        let answer = client.get(&location).await;
        let operation: Value = serde_json::from_slice(&answer.body).unwrap();
        if operation["state"] != "running" {
            assert_eq!(operation["state"], "done", "{operation}");
            return operation["result"].clone();
        }
    }
}

async fn refused(client: &mut Client, path: &str, body: Value) -> (u16, String) {
    let answer = post(client, path, &body).await;
    (answer.status, answer.error())
}

/// The acceptors of the cluster that take part, by number.
async fn members(client: &mut Client) -> Vec<u64> {
    let state: Value = serde_json::from_slice(&client.get("/v1/cluster").await.body).unwrap();
    assert_eq!((&state["rescan_complete"], &state["target"]), (&json!(true), &Value::Null));
    let members = state["accept"]["members"].as_array().unwrap();
    members.iter().map(|id| id.as_u64().unwrap()).collect()
}

/// A client that adds to one key as long as it may, and none of whose requests fails.
struct Counting {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    client: JoinHandle<()>,
}

impl Counting {
    async fn start(service: &Running) -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut client = service.client().await;
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&count));
        let client = tokio::spawn(async move {
            let timeout = [("gryadka-timeout-ms", "20000")];
            while !stopped.load(Ordering::Relaxed) {
                let answer = client.send("POST", "/v1/kv/hot/increment", &timeout, "").await;
                assert_eq!(answer.status, 200, "{:?}", answer.body);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { stop, count, client }
    }

    async fn goes_on(&self) {
        let before = self.count.load(Ordering::Relaxed);
        while self.count.load(Ordering::Relaxed) < before + 5 {
            assert!(!self.client.is_finished());
            tokio::task::yield_now().await;
        }
    }

    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.client.await.unwrap();
        self.count.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn acceptors_join_leave_and_are_replaced_while_requests_go_on() {
    let mut service = administered().await;
    let mut client = service.client().await;
    for key in 0..20 {
        assert_eq!(client.put(&format!("/v1/kv/cold{key}"), format!("{key}")).await.status, 201);
    }
    let counting = Counting::start(&service).await;
    counting.goes_on().await;

    let fourth = service.acceptors.add();
    let grown = done(&mut client, "grow", json!({"acceptors": [fourth]})).await;
    assert_eq!(grown["acceptors"]["4"], fourth);
    assert_eq!(members(&mut client).await, [1, 2, 3, 4]);
    counting.goes_on().await;

    service.acceptors.stop(0);
    let fifth = service.acceptors.add();
    done(&mut client, "replace", json!({"old": 1, "new": fifth})).await;
    assert_eq!(members(&mut client).await, [2, 3, 4, 5]);
    counting.goes_on().await;

    service.acceptors.wipe(1).await;
    let itself = service.acceptors.url(1);
    done(&mut client, "replace", json!({"old": 2, "new": itself})).await;
    done(&mut client, "shrink", json!({"acceptors": [3]})).await;
    assert_eq!(members(&mut client).await, [4, 5, 6]);
    let rescanned = done(&mut client, "rescan", Value::Null).await;
    // The cold ones, the hot one, and the cluster's own.
    assert_eq!(rescanned["keys"], 22);

    let count = counting.end().await;
    assert_eq!(client.get("/v1/kv/hot").await.body, count.to_string());
    for key in 0..20 {
        assert_eq!(client.get(&format!("/v1/kv/cold{key}")).await.body, key.to_string());
    }
}

#[tokio::test]
async fn an_impossible_change_is_refused_at_once_and_by_name() {
    let mut service = administered().await;
    let mut client = service.client().await;
    let own = service.acceptors.url(0);
    let gone = service.acceptors.add();
    service.acceptors.stop(3);
    for (path, body, error) in [
        ("shrink", json!({"acceptors": [7]}), "unknown-acceptor"),
        ("shrink", json!({"acceptors": [1, 2, 3]}), "no-acceptors"),
        ("grow", json!({"acceptors": [own]}), "acceptor-exists"),
        ("grow", json!({"acceptors": [gone, gone]}), "acceptor-exists"),
        ("grow", json!({"acceptors": [gone]}), "join-failed"),
        ("replace", json!({"old": 9, "new": gone}), "unknown-acceptor"),
    ] {
        assert_eq!(refused(&mut client, path, body).await, (409, error.to_owned()));
    }
    let password = format!("redis://user:secret@{}", gone.split_once("://").unwrap().1);
    let answer = post(&mut client, "grow", &json!({"acceptors": [password]})).await;
    assert_eq!((answer.status, answer.error().as_str()), (409, "join-failed"));
    assert!(!answer.problem().to_string().contains("secret"));
    assert_eq!(members(&mut client).await, [1, 2, 3]);
}

#[tokio::test]
async fn an_operation_that_cannot_go_on_can_be_cancelled() {
    let mut service = administered().await;
    let mut client = service.client().await;
    service.acceptors.stop(0);
    service.acceptors.stop(1);
    let stuck = post(&mut client, "shrink", &json!({"acceptors": [1]})).await;
    assert_eq!(stuck.status, 202, "{:?}", stuck.body);
    let busy = refused(&mut client, "rescan", Value::Null).await;
    assert_eq!(busy, (409, String::from("operation-running")));
    let cancel = post(&mut client, "cancel", &Value::Null).await;
    assert_eq!(cancel.status, 202);
    let ended = client.get(stuck.header("location").unwrap()).await;
    let ended: Value = serde_json::from_slice(&ended.body).unwrap();
    assert_eq!(
        (&ended["state"], &ended["problem"]["error"]),
        (&json!("failed"), &json!("cancelled"))
    );

    service.acceptors.start(0).await;
    let location = cancel.header("location").unwrap();
    while client.get(location).await.body.windows(9).any(|text| text == b"\"running\"") {}
    assert_eq!(members(&mut client).await, [1, 2, 3]);
}

#[tokio::test]
async fn deleted_keys_are_erased_from_every_acceptor() {
    let service = administered().await;
    let mut client = service.client().await;
    for key in 0..10 {
        assert_eq!(client.put(&format!("/v1/kv/{key}"), "x").await.status, 201);
    }
    let last = client.get("/v1/kv/0").await.etag().to_owned();
    for key in 0..9 {
        assert_eq!(client.delete(&format!("/v1/kv/{key}")).await.status, 204);
    }
    let result = done(&mut client, "collect", Value::Null).await;
    assert_eq!(result, json!({"erased": 9, "alive": 0, "unfinished": 0}));
    assert_eq!(service.acceptors.registers(), [1, 1, 1]);
    assert_eq!(client.get("/v1/kv/0").await.status, 404);
    let again = client.put("/v1/kv/0", "y").await;
    assert_eq!(again.status, 201);
    assert_ne!(again.etag(), last, "a version is never used twice");
}

#[tokio::test]
async fn a_cluster_none_of_whose_acceptors_answers_is_503() {
    let mut service = administered().await;
    let mut client = service.client().await;
    (0..3).for_each(|index| service.acceptors.stop(index));
    let state = client.get("/v1/cluster").await;
    assert_eq!((state.status, state.error().as_str()), (503, "no-cluster"));
    let answer = post(&mut client, "collect", &Value::Null).await;
    assert_eq!((answer.status, answer.error().as_str()), (503, "no-cluster"));
    assert_eq!(answer.problem()["outcome"], "not-applied");
}
