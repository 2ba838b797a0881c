//! The beginning of a service, before its acceptors are there.

use crate::running::Acceptors;
use crate::serving::Serving;
use crate::tool::gryadka;

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_not_up_yet_are_waited_for_and_a_cluster_is_made_of_them() {
    let mut acceptors = Acceptors::three();
    acceptors.stop(1);
    let mut service = Serving::over(&acceptors, "--init --start-timeout 10m");
    let said = service.says();
    assert!(said.starts_with("gryadka: waiting for the acceptors: native://"), "{said}");
    acceptors.start(1).await;
    let address = service.listens();
    let ready = gryadka("").args(["ready", &address]).status().unwrap();
    assert_eq!(ready.code(), Some(0));
    assert_eq!(service.end(), Some(0));
    let ready = gryadka("").args(["ready", &address]).output().unwrap();
    assert_eq!(ready.status.code(), Some(3));
    let said = String::from_utf8(ready.stderr).unwrap();
    assert!(said.contains("is not ready: Connection refused"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_another_process_makes_is_waited_for() {
    let acceptors = Acceptors::three();
    let mut service = Serving::over(&acceptors, "--start-timeout 10m");
    let said = service.says();
    assert!(said.contains("belongs to no cluster"), "{said}");
    drop(acceptors.join().await);
    service.listens();
    assert_eq!(service.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_waits_can_be_stopped() {
    let acceptors = Acceptors::three();
    let mut service = Serving::over(&acceptors, "--start-timeout 10m");
    service.says();
    assert_eq!(service.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn acceptors_are_waited_for_no_longer_than_was_said() {
    let acceptors = Acceptors::three();
    for words in ["--start-timeout 0", "--start-timeout 300ms"] {
        let mut service = Serving::over(&acceptors, words);
        assert_eq!(service.wait(), Some(3), "{words}");
    }
}
