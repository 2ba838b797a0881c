//! The description against the service itself.

use crate::description::Description;
use crate::running::Running;
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
