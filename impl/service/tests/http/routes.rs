//! Acceptors that are elsewhere than their addresses say.

use crate::running::Acceptors;
use crate::tool::gryadka;

/// Addresses at which no server listens.
const NAMES: [&str; 3] = ["native://127.0.0.1:1", "native://127.0.0.1:2", "native://127.0.0.1:3"];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_goes_where_the_routes_lead_and_the_cluster_keeps_its_addresses() {
    let acceptors = Acceptors::three();
    let routes: Vec<_> =
        NAMES.iter().zip(acceptors.urls()).map(|(from, to)| format!("{from}={to}")).collect();
    let run = |words: &str, routes: Option<&str>| {
        let mut command = gryadka(&NAMES.join(","));
        command.args(words.split(' ')).envs(routes.map(|routes| ("GRYADKA_ROUTES", routes)));
        command.output().unwrap()
    };
    let all = routes.join(",");
    let by_flags = format!("cluster init --route {}", routes.join(" --route "));
    assert_eq!(run(&by_flags, None).status.code(), Some(0));
    assert_eq!(run("set k v", Some(&all)).status.code(), Some(0));
    assert_eq!(run("get k", Some(&all)).stdout, b"v");
    let is_refused = |routes| {
        let said = run("doctor", routes).stdout;
        String::from_utf8(said).unwrap().contains("Connection refused")
    };
    assert!(is_refused(None) && !is_refused(Some(all.as_str())));
    assert_eq!(run("get k", None).status.code(), Some(3));
    let status = run("cluster status", Some(&all));
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(NAMES.iter().all(|name| status.contains(name)), "{status}");
}
