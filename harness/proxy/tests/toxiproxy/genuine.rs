//! What the genuine one does, and is relied on for: seen by a suite that it passes whole.

use crate::support::Server;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::TcpListener;

const A: &str = r#"{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}"#;

#[tokio::test]
async fn one_bad_entry_of_a_populate_leaves_those_before_it() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    for bad in [
        r#"{"name":"b","upstream":"b:1","listen":"nonsense"}"#,
        r#"{"name":"b","upstream":"b:1","listen":"127.0.0.1:65536"}"#,
        r#"{"name":"b","upstream":"b:1","listen":"no-such-host.invalid:1"}"#,
        r#"{"name":"b","upstream":"b:1","listen":"203.0.113.7:1"}"#,
        r#"{"name":"b","upstream":"b","listen":"127.0.0.1:0"}"#,
        &format!(r#"{{"name":"b","upstream":"b:1","listen":"{taken}"}}"#),
    ] {
        let server = Server::start().await;
        let last = r#"{"name":"c","upstream":"b:1","listen":"127.0.0.1:0"}"#;
        let (status, answer) = server.ask("POST /populate", &format!("[{A},{bad},{last}]")).await;
        assert!(status >= 400, "{bad}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let made = answer["proxies"].as_array().unwrap();
        assert_eq!((made.len(), made[0]["name"].as_str()), (1, Some("a")), "{bad}");
        let (_, there) = server.ask("GET /proxies", "").await;
        let there: Value = serde_json::from_str(&there).unwrap();
        assert_eq!(there.as_object().unwrap().keys().collect::<Vec<_>>(), ["a"], "{bad}");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let server = Server::start().await;
    let mut ids = BTreeSet::new();
    let asked = [
        ("test", "POST /proxies", A),
        ("test", "GET /proxies", ""),
        ("test", "GET /proxies/a", ""),
        ("test", "GET /proxies/b", ""),
        ("test", "POST /proxies", "{"),
        ("test", "GET /version", ""),
        ("test", "GET /metrics", ""),
        ("test", "POST /reset", ""),
        ("test", "DELETE /proxies/a", ""),
        ("Mozilla/5.0", "GET /proxies", ""),
    ];
    for (agent, request, body) in asked {
        let (head, _) = server.whole_answer(agent, request, body).await;
        let name = "\r\nx-toxiproxy-request-id: ";
        let (_, id) = head.to_ascii_lowercase().split_once(name).map_or_else(
            || panic!("{request}: {head}"),
            |(before, after)| (before.to_owned(), after.to_owned()),
        );
        let id = id.split("\r\n").next().unwrap().to_owned();
        assert_eq!(id.len(), 20, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert!(ids.insert(id), "{request}");
    }
}

#[tokio::test]
async fn the_attributes_of_a_slicer_are_told_as_they_were_given() {
    let server = Server::start().await;
    server.ask("POST /proxies", A).await;
    for (number, (average, variation, delay)) in [
        (64, 32, 10),
        (5, 5, 0),
        (0, 10, 1),
        (1, 1000, 0),
        (0, 0, 0),
        (7, 0, 999_999),
        (64, 64, 1500),
    ]
    .into_iter()
    .enumerate()
    {
        let attributes =
            format!(r#"{{"average_size":{average},"delay":{delay},"size_variation":{variation}}}"#);
        let body = format!(r#"{{"name":"t{number}","type":"slicer","attributes":{attributes}}}"#);
        let (status, answer) = server.ask("POST /proxies/a/toxics", &body).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains(&attributes), "{answer}");
        let (_, shown) = server.ask(&format!("GET /proxies/a/toxics/t{number}"), "").await;
        assert_eq!(shown, answer);
    }
}
