//! A proxy that is created disabled is left alone until it is enabled: where it is to listen is
//! neither looked up nor taken, and told as it was asked for.

use crate::support::{Server, conversation, echo_server, echoes};
use serde_json::{Value, json};
use std::net::TcpListener;
use tokio::net::TcpStream;

/// Makes a disabled proxy `p`.
async fn created(server: &Server, listen: &str) -> Value {
    let body = json!({"name": "p", "listen": listen, "upstream": "127.0.0.1:1", "enabled": false});
    let (status, answer) = server.ask("POST /proxies", &body.to_string()).await;
    assert_eq!(status, 201, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

#[tokio::test]
async fn it_listens_where_it_was_asked_to_and_says_so() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    for listen in [
        "localhost:26380",
        "127.0.0.1:0",
        "localhost:0",
        ":26380",
        "[::1]:26380",
        "no-such-host.invalid:6379",
        "203.0.113.7:6379",
        "",
        &taken,
    ] {
        let server = Server::start().await;
        let made = created(&server, listen).await;
        assert_eq!((&made["listen"], &made["enabled"]), (&json!(listen), &json!(false)));
        let (_, shown) = server.ask("GET /proxies/p", "").await;
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), made);
        assert!(server.ask("GET /metrics", "").await.1.contains(&format!("listener=\"{listen}\"")));
    }
}

#[tokio::test]
async fn enabling_it_works_and_resolves() {
    for listen in ["localhost:0", "127.0.0.1:0", "", ":0"] {
        let server = Server::start().await;
        created(&server, listen).await;
        let upstream = echo_server().await.to_string();
        let change = json!({"upstream": upstream, "enabled": true}).to_string();
        let (status, answer) = server.ask("PATCH /proxies/p", &change).await;
        assert_eq!(status, 200, "{answer}");
        let proxy: Value = serde_json::from_str(&answer).unwrap();
        let address = proxy["listen"].as_str().unwrap();
        let port = address.rsplit_once(':').unwrap().1;
        assert_ne!(port, "0");
        echoes(&mut TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap(), b"up").await;

        // Disabled again it keeps its port, as any proxy does.
        let (_, answer) = server.ask("PATCH /proxies/p", r#"{"enabled":false}"#).await;
        assert!(answer.contains(address), "{answer}");
    }
}

#[tokio::test]
async fn one_that_was_enabled_before_keeps_its_port_although_it_leads_elsewhere() {
    let server = Server::start().await;
    let address = server.proxy("127.0.0.1:1").await;
    for change in [
        r#"{"enabled":false,"upstream":"127.0.0.1:2"}"#,
        r#"{"upstream":"127.0.0.1:3"}"#,
        r#"{"enabled":false}"#,
    ] {
        let (status, answer) = server.ask("PATCH /proxies/p", change).await;
        assert!(status == 200 && answer.contains(&address.to_string()), "{answer}");
        let taken = TcpListener::bind(address).unwrap_err();
        assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse, "{change}");
    }
}

#[tokio::test]
async fn a_reset_enables_it() {
    let server = Server::start().await;
    created(&server, "localhost:0").await;
    server.ask("POST /proxies/p/toxics", r#"{"type":"noop"}"#).await;
    assert_eq!(server.ask("POST /reset", "").await, (204, String::new()));
    let (_, answer) = server.ask("GET /proxies/p", "").await;
    assert!(answer.contains("\"enabled\":true,\"toxics\":[]"), "{answer}");
    assert!(!answer.contains(":0\""), "{answer}");
}

#[tokio::test]
async fn a_reset_that_cannot_enable_it_says_so_and_resets_the_others() {
    let server = Server::start().await;
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    created(&server, &holder.local_addr().unwrap().to_string()).await;
    let other = json!({"name": "q", "listen": "127.0.0.1:0", "upstream": "b:1"});
    server.ask("POST /proxies", &other.to_string()).await;
    server.ask("POST /proxies/q/toxics", r#"{"type":"noop"}"#).await;
    let (status, answer) = server.ask("POST /reset", "").await;
    assert_eq!(status, 500);
    assert!(answer.contains("address already in use"), "{answer}");
    assert_eq!(server.ask("GET /proxies/q/toxics", "").await, (200, String::from("[]")));
    drop(holder);
    assert_eq!(server.ask("POST /reset", "").await.0, 204);
}

#[tokio::test]
async fn its_toxics_are_there_when_it_is_enabled() {
    let server = Server::start().await;
    created(&server, "127.0.0.1:0").await;
    let text = conversation(
        &server,
        &[
            (
                "POST /proxies/p/toxics",
                r#"{"name":"t","type":"latency","attributes":{"latency":5}}"#,
            ),
            ("POST /proxies/p/toxics", r#"{"name":"t","type":"noop"}"#),
            ("POST /proxies/p/toxics", r#"{"name":"u","type":"noop","stream":"upstream"}"#),
            ("PATCH /proxies/p/toxics/t", r#"{"attributes":{"jitter":3}}"#),
            ("PATCH /proxies/p/toxics/t", r#"{"toxicity":2}"#),
            ("DELETE /proxies/p/toxics/u", ""),
            ("DELETE /proxies/p/toxics/u", ""),
            ("GET /proxies/p/toxics/t", ""),
            ("PATCH /proxies/p", r#"{"listen":"localhost:0"}"#),
            ("PATCH /proxies/p", r#"{"enabled":true}"#),
            ("PATCH /proxies/p", r#"{"enabled":false,"listen":"localhost:26380"}"#),
            ("DELETE /proxies/p", ""),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies/p/toxics {"name":"t","type":"latency","attributes":{"latency":5}}
      200 {"attributes":{"jitter":0,"latency":5},"name":"t","type":"latency","stream":"downstream","toxicity":1}
    POST /proxies/p/toxics {"name":"t","type":"noop"}
      409 {"error":"toxic already exists","status":409}
    POST /proxies/p/toxics {"name":"u","type":"noop","stream":"upstream"}
      200 {"attributes":{},"name":"u","type":"noop","stream":"upstream","toxicity":1}
    PATCH /proxies/p/toxics/t {"attributes":{"jitter":3}}
      200 {"attributes":{"jitter":3,"latency":5},"name":"t","type":"latency","stream":"downstream","toxicity":1}
    PATCH /proxies/p/toxics/t {"toxicity":2}
      400 {"error":"bad request body: toxic t: a toxicity of 2 is not possible: it lies between 0 and 1","status":400}
    DELETE /proxies/p/toxics/u
      204
    DELETE /proxies/p/toxics/u
      404 {"error":"toxic not found","status":404}
    GET /proxies/p/toxics/t
      200 {"attributes":{"jitter":3,"latency":5},"name":"t","type":"latency","stream":"downstream","toxicity":1}
    PATCH /proxies/p {"listen":"localhost:0"}
      200 {"name":"p","listen":"localhost:0","upstream":"127.0.0.1:1","enabled":false,"toxics":[{"attributes":{"jitter":3,"latency":5},"name":"t","type":"latency","stream":"downstream","toxicity":1}]}
    PATCH /proxies/p {"enabled":true}
      200 {"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:1","enabled":true,"toxics":[{"attributes":{"jitter":3,"latency":5},"name":"t","type":"latency","stream":"downstream","toxicity":1}]}
    PATCH /proxies/p {"enabled":false,"listen":"localhost:26380"}
      200 {"name":"p","listen":"localhost:26380","upstream":"127.0.0.1:1","enabled":false,"toxics":[{"attributes":{"jitter":3,"latency":5},"name":"t","type":"latency","stream":"downstream","toxicity":1}]}
    DELETE /proxies/p
      204
    "#);
}

#[tokio::test]
async fn what_it_cannot_listen_on_is_told_when_it_is_enabled_and_it_stays() {
    let server = Server::start().await;
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    for (listen, why) in [
        (taken.to_string(), format!("listen tcp {taken}: bind: address already in use")),
        (String::from("nowhere"), String::from("host:port is wanted")),
        (String::from("no-such-host.invalid:1"), String::from("listen no-such-host.invalid:1")),
    ] {
        let before = created(&server, &listen).await;
        let (status, answer) = server.ask("PATCH /proxies/p", r#"{"enabled":true}"#).await;
        assert!(status >= 400 && answer.contains(&why), "{status} {answer}");
        let (_, after) = server.ask("GET /proxies/p", "").await;
        assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), before);
        server.ask("DELETE /proxies/p", "").await;
    }
}

#[tokio::test]
async fn a_populate_leaves_it_as_it_is_when_it_is_the_same_and_makes_it_anew_when_it_is_not() {
    let server = Server::start().await;
    let same = r#"[{"name":"p","listen":"localhost:0","upstream":"b:1","enabled":false}]"#;
    let toxic = r#"{"type":"noop"}"#;
    let text = conversation(
        &server,
        &[
            ("POST /populate", same),
            ("POST /proxies/p/toxics", toxic),
            ("POST /populate", same),
            (
                "POST /populate",
                r#"[{"name":"p","listen":"localhost:0","upstream":"b:2","enabled":false}]"#,
            ),
            ("POST /proxies/p/toxics", toxic),
            ("POST /populate", r#"[{"name":"p","listen":"127.0.0.1:0","upstream":"b:2"}]"#),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /populate [{"name":"p","listen":"localhost:0","upstream":"b:1","enabled":false}]
      201 {"proxies":[{"name":"p","listen":"localhost:0","upstream":"b:1","enabled":false,"toxics":[]}]}
    POST /proxies/p/toxics {"type":"noop"}
      200 {"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":1}
    POST /populate [{"name":"p","listen":"localhost:0","upstream":"b:1","enabled":false}]
      201 {"proxies":[{"name":"p","listen":"localhost:0","upstream":"b:1","enabled":false,"toxics":[{"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":1}]}]}
    POST /populate [{"name":"p","listen":"localhost:0","upstream":"b:2","enabled":false}]
      201 {"proxies":[{"name":"p","listen":"localhost:0","upstream":"b:2","enabled":false,"toxics":[]}]}
    POST /proxies/p/toxics {"type":"noop"}
      200 {"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":1}
    POST /populate [{"name":"p","listen":"127.0.0.1:0","upstream":"b:2"}]
      201 {"proxies":[{"name":"p","listen":"127.0.0.1:PORT","upstream":"b:2","enabled":true,"toxics":[]}]}
    "#);
}
