//! The description against the service itself.

use crate::description::Description;
use crate::running::Running;
use serde_json::Value;
use std::collections::BTreeSet;

#[tokio::test]
async fn the_description_that_is_served_is_the_one_that_is_tested() {
    let service = Running::plain().await;
    let served = service.client().await.get("/openapi.json").await;
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert_eq!(served.body, include_str!("../../src/service/openapi.json"));
}

/// A method that no path knows is answered with those that it does know.
#[tokio::test]
async fn every_path_knows_the_methods_that_are_described_and_no_others() {
    let admin = gryadka_service::Token::new("an administrator's token").unwrap();
    let service = Running::with(|settings| settings.tokens.admin = Some(admin)).await;
    let mut client = service.client().await;
    for (template, methods) in Description::load().paths() {
        let path = template.replace("{key}", "k").replace("{id}", "1");
        let token = [("authorization", "Bearer an administrator's token")];
        let answer = client.send("PATCH", &path, &token, "").await;
        assert_eq!((answer.status, answer.error().as_str()), (405, "method-not-allowed"));
        let allow = answer.header("allow").unwrap();
        // HEAD comes with GET, by HTTP's own rules.
        let plain = |method: &&str| *method != "HEAD";
        let known: BTreeSet<_> = allow.split(',').map(str::trim).filter(plain).collect();
        let described: BTreeSet<_> = methods.iter().map(String::as_str).filter(plain).collect();
        assert_eq!(known, described, "{template}");
    }
}

/// The names of what a JSON object says.
fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn what_is_said_of_the_cluster_and_of_operations_is_what_is_described() {
    let admin = gryadka_service::Token::new("an administrator's token").unwrap();
    let service = Running::with(|settings| settings.tokens.admin = Some(admin)).await;
    let mut client = service.client().await;
    let described = Description::load();
    let state: Value = serde_json::from_slice(&client.get("/v1/cluster").await.body).unwrap();
    let cluster = described.schema("Cluster");
    assert_eq!(names(&state), names(&cluster["properties"]));
    let acceptor = &cluster["properties"]["acceptors"]["items"];
    assert_eq!(names(&state["acceptors"][0]), names(&acceptor["properties"]));
    let token = [("authorization", "Bearer an administrator's token")];
    let begun = client.send("POST", "/v1/cluster/shrink", &token, r#"{"acceptors": [3]}"#).await;
    let (location, mut phases) = (begun.header("location").unwrap().to_owned(), Vec::new());
    let operation = described.schema("Operation");
    loop {
        let answer = client.get(&location).await;
        let state: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(names(&state), names(&operation["properties"]));
        phases.push(state["phase"].clone());
        if state["state"] != "running" {
            break;
        }
    }
    assert_eq!(phases.last().unwrap(), "rescan-complete");
    let allowed = operation["properties"]["phase"]["enum"].as_array().unwrap();
    assert!(phases.iter().all(|phase| allowed.contains(phase)), "{phases:?}");
}
