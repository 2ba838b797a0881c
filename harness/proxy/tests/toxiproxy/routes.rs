//! Every route, its statuses, its shapes and its errors, as a conversation by plain HTTP.

use crate::support::{Server, conversation};
use serde_json::Value;
use std::net::TcpListener;

const A: &str = r#"{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}"#;

#[tokio::test]
async fn proxies_are_made_shown_changed_and_removed() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            ("GET /proxies", ""),
            ("POST /proxies", A),
            (
                "POST /proxies",
                r#"{"name":"b","listen":"localhost:0","upstream":"redis:6379","enabled":false}"#,
            ),
            ("GET /proxies", ""),
            ("GET /proxies/a", ""),
            ("POST /proxies/b", r#"{"enabled":true}"#),
            ("PATCH /proxies/b", r#"{"enabled":false,"name":"other"}"#),
            ("PATCH /proxies/b", r#"{"upstream":"127.0.0.1:1"}"#),
            ("PATCH /proxies/b", "{}"),
            ("DELETE /proxies/b", ""),
            ("GET /proxies/b", ""),
            ("DELETE /proxies/b", ""),
            ("PATCH /proxies/b", "{}"),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    GET /proxies
      200 {}
    POST /proxies {"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}
      201 {"name":"a","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]}
    POST /proxies {"name":"b","listen":"localhost:0","upstream":"redis:6379","enabled":false}
      201 {"name":"b","listen":"localhost:0","upstream":"redis:6379","enabled":false,"toxics":[]}
    GET /proxies
      200 {"a":{"name":"a","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]},"b":{"name":"b","listen":"localhost:0","upstream":"redis:6379","enabled":false,"toxics":[]}}
    GET /proxies/a
      200 {"name":"a","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]}
    POST /proxies/b {"enabled":true}
      200 {"name":"b","listen":"127.0.0.1:PORT","upstream":"redis:6379","enabled":true,"toxics":[]}
    PATCH /proxies/b {"enabled":false,"name":"other"}
      200 {"name":"b","listen":"127.0.0.1:PORT","upstream":"redis:6379","enabled":false,"toxics":[]}
    PATCH /proxies/b {"upstream":"127.0.0.1:1"}
      200 {"name":"b","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:1","enabled":false,"toxics":[]}
    PATCH /proxies/b {}
      200 {"name":"b","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:1","enabled":false,"toxics":[]}
    DELETE /proxies/b
      204
    GET /proxies/b
      404 {"error":"proxy not found","status":404}
    DELETE /proxies/b
      404 {"error":"proxy not found","status":404}
    PATCH /proxies/b {}
      404 {"error":"proxy not found","status":404}
    "#);
}

#[tokio::test]
async fn what_no_proxy_can_be_made_of() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            ("POST /proxies", ""),
            ("POST /proxies", "{"),
            ("POST /proxies", "[]"),
            ("POST /proxies", r#"{"name":1}"#),
            ("POST /proxies", "{}"),
            ("POST /proxies", r#"{"name":"","upstream":"b:1"}"#),
            ("POST /proxies", r#"{"name":"a"}"#),
            ("POST /proxies", r#"{"name":"a","upstream":"nowhere"}"#),
            ("POST /proxies", r#"{"name":"a","upstream":"b:1","listen":"nowhere"}"#),
            ("POST /proxies", A),
            ("POST /proxies", A),
            ("PATCH /proxies/a", "[1]"),
            ("PATCH /proxies/a", r#"{"upstream":""}"#),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies
      400 {"error":"bad request body: it is empty","status":400}
    POST /proxies {
      400 {"error":"bad request body: EOF while parsing an object at line 1 column 1","status":400}
    POST /proxies []
      400 {"error":"bad request body: it is no JSON object","status":400}
    POST /proxies {"name":1}
      400 {"error":"bad request body: invalid type: integer `1`, expected a string at line 1 column 9","status":400}
    POST /proxies {}
      400 {"error":"missing required field: name","status":400}
    POST /proxies {"name":"","upstream":"b:1"}
      400 {"error":"missing required field: name","status":400}
    POST /proxies {"name":"a"}
      400 {"error":"missing required field: upstream","status":400}
    POST /proxies {"name":"a","upstream":"nowhere"}
      400 {"error":"bad request body: upstream is \"nowhere\": host:port is wanted, such as 127.0.0.1:6379","status":400}
    POST /proxies {"name":"a","upstream":"b:1","listen":"nowhere"}
      400 {"error":"bad request body: listen is \"nowhere\": host:port is wanted, such as 127.0.0.1:6379","status":400}
    POST /proxies {"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}
      201 {"name":"a","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]}
    POST /proxies {"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}
      409 {"error":"proxy already exists","status":409}
    PATCH /proxies/a [1]
      400 {"error":"bad request body: it is no JSON object","status":400}
    PATCH /proxies/a {"upstream":""}
      400 {"error":"bad request body: upstream is \"\": host:port is wanted, such as 127.0.0.1:6379","status":400}
    "#);
}

#[tokio::test]
async fn toxics_are_added_shown_changed_and_removed() {
    let server = Server::start().await;
    server.ask("POST /proxies", A).await;
    let text = conversation(
        &server,
        &[
            ("GET /proxies/a/toxics", ""),
            ("POST /proxies/a/toxics", r#"{"type":"latency","attributes":{"latency":20,"jitter":5}}"#),
            ("POST /proxies/a/toxics", r#"{"name":"slow","type":"bandwidth","stream":"UPSTREAM","toxicity":0.5,"attributes":{"rate":10}}"#),
            ("GET /proxies/a/toxics", ""),
            ("GET /proxies/a/toxics/slow", ""),
            ("POST /proxies/a/toxics/slow", r#"{"toxicity":1,"attributes":{"rate":20}}"#),
            ("PATCH /proxies/a/toxics/latency_downstream", r#"{"name":"x","type":"noop","stream":"upstream","attributes":{"jitter":7}}"#),
            ("GET /proxies/a", ""),
            ("DELETE /proxies/a/toxics/slow", ""),
            ("GET /proxies/a/toxics/slow", ""),
            ("DELETE /proxies/a/toxics/slow", ""),
            ("PATCH /proxies/a/toxics/slow", "{}"),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    GET /proxies/a/toxics
      200 []
    POST /proxies/a/toxics {"type":"latency","attributes":{"latency":20,"jitter":5}}
      200 {"attributes":{"jitter":5,"latency":20},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}
    POST /proxies/a/toxics {"name":"slow","type":"bandwidth","stream":"UPSTREAM","toxicity":0.5,"attributes":{"rate":10}}
      200 {"attributes":{"rate":10},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":0.5}
    GET /proxies/a/toxics
      200 [{"attributes":{"rate":10},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":0.5},{"attributes":{"jitter":5,"latency":20},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]
    GET /proxies/a/toxics/slow
      200 {"attributes":{"rate":10},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":0.5}
    POST /proxies/a/toxics/slow {"toxicity":1,"attributes":{"rate":20}}
      200 {"attributes":{"rate":20},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":1}
    PATCH /proxies/a/toxics/latency_downstream {"name":"x","type":"noop","stream":"upstream","attributes":{"jitter":7}}
      200 {"attributes":{"jitter":7,"latency":20},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}
    GET /proxies/a
      200 {"name":"a","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[{"attributes":{"rate":20},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":1},{"attributes":{"jitter":7,"latency":20},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]}
    DELETE /proxies/a/toxics/slow
      204
    GET /proxies/a/toxics/slow
      404 {"error":"toxic not found","status":404}
    DELETE /proxies/a/toxics/slow
      404 {"error":"toxic not found","status":404}
    PATCH /proxies/a/toxics/slow {}
      404 {"error":"toxic not found","status":404}
    "#);
}

/// Every type of toxic, with what it is told in.
#[tokio::test]
async fn every_toxic_says_back_what_it_was_told() {
    let server = Server::start().await;
    server.ask("POST /proxies", A).await;
    for (kind, attributes) in [
        ("noop", "{}"),
        ("latency", r#"{"jitter":2,"latency":1}"#),
        ("bandwidth", r#"{"rate":3}"#),
        ("slow_close", r#"{"delay":4}"#),
        ("timeout", r#"{"timeout":5}"#),
        ("reset_peer", r#"{"timeout":6}"#),
        ("slicer", r#"{"average_size":9,"delay":8,"size_variation":7}"#),
        ("limit_data", r#"{"bytes":10}"#),
        ("blackhole", "{}"),
        ("loss", r#"{"per_mille":11}"#),
        ("drop", r#"{"per_mille":12,"usable":1}"#),
        ("corrupt", r#"{"per_mille":13}"#),
    ] {
        for stream in ["upstream", "downstream"] {
            let asked =
                format!(r#"{{"type":"{kind}","stream":"{stream}","attributes":{attributes}}}"#);
            let answer = server.ask("POST /proxies/a/toxics", &asked).await;
            let told = format!(
                r#"{{"attributes":{attributes},"name":"{kind}_{stream}","type":"{kind}","stream":"{stream}","toxicity":1}}"#
            );
            assert_eq!(answer, (200, told));
        }
        // Without attributes all of them are 0, which is in range.
        let bare = format!(r#"{{"type":"{kind}","name":"bare {kind}"}}"#);
        assert_eq!(server.ask("POST /proxies/a/toxics", &bare).await.0, 200, "{kind}");
    }
    let (_, toxics) = server.ask("GET /proxies/a/toxics", "").await;
    let toxics: Vec<Value> = serde_json::from_str(&toxics).unwrap();
    let streams: Vec<_> = toxics.iter().map(|toxic| toxic["stream"].as_str().unwrap()).collect();
    let expected = [["upstream"; 12].as_slice(), &["downstream"; 24]].concat();
    assert_eq!(streams, expected, "as Toxiproxy orders them");
}

#[tokio::test]
async fn what_no_toxic_can_be_made_of() {
    let server = Server::start().await;
    server.ask("POST /proxies", A).await;
    let text = conversation(
        &server,
        &[
            ("POST /proxies/b/toxics", "{"),
            ("GET /proxies/b/toxics", ""),
            ("GET /proxies/b/toxics/t", ""),
            ("DELETE /proxies/b/toxics/t", ""),
            ("POST /proxies/a/toxics", ""),
            ("POST /proxies/a/toxics", "nonsense"),
            ("POST /proxies/a/toxics", "{}"),
            ("POST /proxies/a/toxics", r#"{"type":"poison"}"#),
            ("POST /proxies/a/toxics", r#"{"type":"noop","stream":"sideways"}"#),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies/b/toxics {
      404 {"error":"proxy not found","status":404}
    GET /proxies/b/toxics
      404 {"error":"proxy not found","status":404}
    GET /proxies/b/toxics/t
      404 {"error":"proxy not found","status":404}
    DELETE /proxies/b/toxics/t
      404 {"error":"proxy not found","status":404}
    POST /proxies/a/toxics
      400 {"error":"bad request body: it is empty","status":400}
    POST /proxies/a/toxics nonsense
      400 {"error":"bad request body: it is no JSON object","status":400}
    POST /proxies/a/toxics {}
      400 {"error":"invalid toxic type","status":400}
    POST /proxies/a/toxics {"type":"poison"}
      400 {"error":"invalid toxic type","status":400}
    POST /proxies/a/toxics {"type":"noop","stream":"sideways"}
      400 {"error":"stream was invalid, can be either upstream or downstream","status":400}
    "#);
}

#[tokio::test]
async fn what_is_out_of_range_or_taken_changes_nothing() {
    let server = Server::start().await;
    server.ask("POST /proxies", A).await;
    let long = format!(r#"{{"name":"{}","type":"noop"}}"#, "n".repeat(257));
    let text = conversation(
        &server,
        &[
            ("POST /proxies/a/toxics", r#"{"type":"noop","toxicity":1.5}"#),
            ("POST /proxies/a/toxics", r#"{"type":"noop","toxicity":"all"}"#),
            ("POST /proxies/a/toxics", r#"{"type":"latency","attributes":{"latency":"20"}}"#),
            ("POST /proxies/a/toxics", r#"{"type":"latency","attributes":{"latency":1.5}}"#),
            ("POST /proxies/a/toxics", r#"{"type":"latency","attributes":{"latency":-1}}"#),
            ("POST /proxies/a/toxics", r#"{"type":"loss","attributes":{"per_mille":1001}}"#),
            (
                "POST /proxies/a/toxics",
                r#"{"type":"slicer","attributes":{"average_size":5,"size_variation":5}}"#,
            ),
            ("POST /proxies/a/toxics", &long),
            ("POST /proxies/a/toxics", r#"{"name":"t","type":"noop","stream":"upstream"}"#),
            ("POST /proxies/a/toxics", r#"{"name":"t","type":"latency","stream":"downstream"}"#),
            ("PATCH /proxies/a/toxics/t", "["),
            ("PATCH /proxies/a/toxics/t", r#"{"toxicity":-1}"#),
        ],
    )
    .await;
    insta::assert_snapshot!(text.replace(&"n".repeat(257), "nnn…"), @r#"
    POST /proxies/a/toxics {"type":"noop","toxicity":1.5}
      400 {"error":"bad request body: toxic noop_downstream: a toxicity of 1.5 is not possible: it lies between 0 and 1","status":400}
    POST /proxies/a/toxics {"type":"noop","toxicity":"all"}
      400 {"error":"bad request body: invalid type: string \"all\", expected f64 at line 1 column 31","status":400}
    POST /proxies/a/toxics {"type":"latency","attributes":{"latency":"20"}}
      400 {"error":"bad request body: attribute latency is \"20\": a whole number from 0 on is wanted","status":400}
    POST /proxies/a/toxics {"type":"latency","attributes":{"latency":1.5}}
      400 {"error":"bad request body: attribute latency is 1.5: a whole number from 0 on is wanted","status":400}
    POST /proxies/a/toxics {"type":"latency","attributes":{"latency":-1}}
      400 {"error":"bad request body: attribute latency is -1: a whole number from 0 on is wanted","status":400}
    POST /proxies/a/toxics {"type":"loss","attributes":{"per_mille":1001}}
      400 {"error":"bad request body: attribute per_mille is 1001: a whole number from 0 to 1000 is wanted","status":400}
    POST /proxies/a/toxics {"type":"slicer","attributes":{"average_size":5,"size_variation":5}}
      200 {"attributes":{"average_size":5,"delay":0,"size_variation":5},"name":"slicer_downstream","type":"slicer","stream":"downstream","toxicity":1}
    POST /proxies/a/toxics {"name":"nnn…","type":"noop"}
      400 {"error":"bad request body: a toxic's name of 257 bytes is not possible: it has 1 to 256","status":400}
    POST /proxies/a/toxics {"name":"t","type":"noop","stream":"upstream"}
      200 {"attributes":{},"name":"t","type":"noop","stream":"upstream","toxicity":1}
    POST /proxies/a/toxics {"name":"t","type":"latency","stream":"downstream"}
      409 {"error":"toxic already exists","status":409}
    PATCH /proxies/a/toxics/t [
      400 {"error":"bad request body: it is no JSON object","status":400}
    PATCH /proxies/a/toxics/t {"toxicity":-1}
      400 {"error":"bad request body: toxic t: a toxicity of -1 is not possible: it lies between 0 and 1","status":400}
    "#);
}

#[tokio::test]
async fn populate_looks_at_all_before_it_makes_one_and_keeps_what_is_right() {
    let server = Server::start().await;
    let address = |answer: &str| {
        let proxies: Value = serde_json::from_str(answer).unwrap();
        proxies["proxies"][0]["listen"].as_str().unwrap().to_owned()
    };
    let text = conversation(
        &server,
        &[
            ("POST /populate", r#"[{"name":"a","upstream":"b:1"},{"upstream":"b:1"}]"#),
            ("POST /populate", r#"[{"name":"a","upstream":"b:1"},{"name":"b"}]"#),
            ("POST /populate", r#"[{"name":"a","upstream":"b:1"},{"name":"b","upstream":"b"}]"#),
            ("POST /populate", r#"{"name":"a"}"#),
            ("POST /populate", ""),
            ("GET /proxies", ""),
            ("POST /populate", "[]"),
            ("POST /populate", r#"[{"name":"a","listen":"127.0.0.1:0","upstream":"b:1"},{"name":"b","listen":"localhost:0","upstream":"b:1","enabled":false,"toxics":[]}]"#),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /populate [{"name":"a","upstream":"b:1"},{"upstream":"b:1"}]
      400 {"error":"missing required field: name at proxy 2","status":400,"proxies":[]}
    POST /populate [{"name":"a","upstream":"b:1"},{"name":"b"}]
      400 {"error":"missing required field: upstream at proxy 2","status":400,"proxies":[]}
    POST /populate [{"name":"a","upstream":"b:1"},{"name":"b","upstream":"b"}]
      400 {"error":"bad request body: upstream is \"b\": host:port is wanted, such as 127.0.0.1:6379","status":400,"proxies":[{"name":"a","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}]}
    POST /populate {"name":"a"}
      400 {"error":"bad request body: invalid type: map, expected a sequence at line 1 column 0","status":400,"proxies":[]}
    POST /populate
      400 {"error":"bad request body: it is empty","status":400,"proxies":[]}
    GET /proxies
      200 {"a":{"name":"a","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}}
    POST /populate []
      201 {"proxies":[]}
    POST /populate [{"name":"a","listen":"127.0.0.1:0","upstream":"b:1"},{"name":"b","listen":"localhost:0","upstream":"b:1","enabled":false,"toxics":[]}]
      201 {"proxies":[{"name":"a","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]},{"name":"b","listen":"localhost:0","upstream":"b:1","enabled":false,"toxics":[]}]}
    "#);

    // The same place again: the toxics stay, and what is said of enabled does not matter.
    let (_, state) = server.ask("GET /proxies/a", "").await;
    let state: Value = serde_json::from_str(&state).unwrap();
    let listen = state["listen"].as_str().unwrap();
    server.ask("POST /proxies/a/toxics", r#"{"type":"noop"}"#).await;
    let same = format!(r#"[{{"name":"a","listen":"{listen}","upstream":"b:1","enabled":false}}]"#);
    let (status, answer) = server.ask("POST /populate", &same).await;
    assert_eq!((status, address(&answer).as_str()), (201, listen));
    assert!(answer.contains("noop_downstream") && answer.contains("\"enabled\":true"), "{answer}");

    // The same port and another upstream: a new proxy under the old name.
    let moved = same.replace("b:1", "b:2");
    let (status, answer) = server.ask("POST /populate", &moved).await;
    assert_eq!((status, address(&answer).as_str()), (201, listen));
    assert!(answer.contains("\"toxics\":[]") && answer.contains("\"enabled\":false"), "{answer}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_the_proxies_before_it_are_made() {
    let server = Server::start().await;
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let body = format!(r#"{{"name":"b","upstream":"b:1","listen":"{taken}"}}"#);
    let (status, answer) = server.ask("POST /proxies", &body).await;
    assert_eq!(status, 500, "{answer}");
    let expected =
        format!(r#"{{"error":"listen tcp {taken}: bind: address already in use","status":500}}"#);
    assert_eq!(answer, expected);

    let (status, answer) = server.ask("POST /populate", &format!("[{A},{body}]")).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, answer["status"].as_u64()), (500, Some(500)));
    assert_eq!(answer["error"], format!("listen tcp {taken}: bind: address already in use"));
    let made: Vec<_> = answer["proxies"].as_array().unwrap().iter().collect();
    assert_eq!((made.len(), made[0]["name"].as_str()), (1, Some("a")));

    drop(holder);
    assert_eq!(server.ask("POST /proxies", &body).await.0, 201);
}

#[tokio::test]
async fn a_change_that_cannot_be_leaves_the_proxy_as_it_was() {
    let server = Server::start().await;
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    server.ask("POST /proxies", A).await;
    server.ask("POST /proxies/a/toxics", r#"{"type":"noop","stream":"upstream"}"#).await;
    let before = server.ask("GET /proxies/a", "").await;
    let body = format!(r#"{{"listen":"{}"}}"#, holder.local_addr().unwrap());
    assert_eq!(server.ask("PATCH /proxies/a", &body).await.0, 500);
    assert_eq!(server.ask("GET /proxies/a", "").await, before);
}

#[tokio::test]
async fn a_proxy_that_is_moved_keeps_its_toxics() {
    let server = Server::start().await;
    server.ask("POST /proxies", A).await;
    server.ask("POST /proxies/a/toxics", r#"{"type":"noop","stream":"upstream"}"#).await;
    let (_, before) = server.ask("GET /proxies/a", "").await;
    let (status, after) = server.ask("PATCH /proxies/a", r#"{"upstream":"b:2"}"#).await;
    assert_eq!((status, after), (200, before.replace("127.0.0.1:6379", "b:2")));
}

#[tokio::test]
async fn reset_enables_and_removes_toxics() {
    let server = Server::start().await;
    server.ask("POST /proxies", A).await;
    server.ask("POST /proxies/a/toxics", r#"{"type":"timeout"}"#).await;
    server.ask("PATCH /proxies/a", r#"{"enabled":false}"#).await;
    assert_eq!(server.ask("POST /reset", "").await, (204, String::new()));
    let (_, state) = server.ask("GET /proxies/a", "").await;
    assert!(state.contains("\"enabled\":true,\"toxics\":[]"), "{state}");
}

#[tokio::test]
async fn what_is_no_route_and_who_is_no_client() {
    let server = Server::start().await;
    let version = concat!("{\"version\":\"", env!("CARGO_PKG_VERSION"), "+gryadka\"}");
    assert_eq!(server.ask("GET /version", "").await, (200, version.to_owned()));
    for (request, status) in [
        ("GET /", 404),
        ("GET /nothing", 404),
        ("GET /reset", 405),
        ("GET /populate", 405),
        ("PUT /proxies", 405),
        ("DELETE /proxies", 405),
        ("PUT /proxies/a", 405),
        ("PUT /proxies/a/toxics", 405),
        ("PUT /proxies/a/toxics/t", 405),
        ("POST /version", 405),
        ("POST /metrics", 405),
    ] {
        assert_eq!(server.ask(request, "").await.0, status, "{request}");
    }
    let agent = "Mozilla/5.0 (X11; Linux x86_64)";
    let refused = server.ask_as(agent, "POST /reset", "").await;
    assert_eq!(refused, (403, String::from("User agent not allowed\n")));
    assert_eq!(server.ask("POST /proxies", &" ".repeat(1024 * 1024 + 1)).await.0, 413);
}

#[tokio::test]
async fn metrics_have_toxiproxys_names_and_labels() {
    let server = Server::start().await;
    let listen = server.proxy("redis:6379").await;
    let (status, metrics) = server.ask("GET /metrics", "").await;
    assert_eq!(status, 200);
    for name in ["toxiproxy_proxy_received_bytes_total", "toxiproxy_proxy_sent_bytes_total"] {
        for direction in ["downstream", "upstream"] {
            let labels = format!(
                r#"direction="{direction}",listener="{listen}",proxy="p",upstream="redis:6379""#
            );
            let sample = format!("{name}{{{labels}}} 0");
            assert!(metrics.lines().any(|line| line == sample), "{sample} in {metrics}");
        }
    }
}

#[tokio::test]
async fn names_are_percent_encoded_in_paths() {
    let server = Server::start().await;
    let slashed = A.replace("\"a\"", "\"a/b c\"");
    assert_eq!(server.ask("POST /proxies", &slashed).await.0, 201);
    assert_eq!(server.ask("GET /proxies/a%2Fb%20c", "").await.0, 200);
    assert_eq!(server.ask("DELETE /proxies/a%2Fb%20c", "").await.0, 204);
}
