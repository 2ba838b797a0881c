//! What is asked for is done, or it is said that it is not: toxics that come with a proxy, and what
//! is misspelt or means nothing.

use crate::support::{Server, conversation, echo_server, echoes};
use harness_proxy::ProxyServer;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const P: &str = r#"{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}"#;

#[tokio::test]
async fn what_is_misspelt_in_a_toxic_is_refused() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            ("POST /proxies", P),
            ("POST /proxies/p/toxics", r#"{"type":"latency","attributes":{"latancy":500}}"#),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"latency","attributes":{"latency":500,"Jiter":5}}"#,
            ),
            ("POST /proxies/p/toxics", r#"{"type":"latency","attribute":{"latency":500}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"latency","latency":500}"#),
            ("POST /proxies/p/toxics", r#"{"type":"timeout","toxisity":0.1}"#),
            ("POST /proxies/p/toxics", r#"{"type":"slicer","attributes":{"averageSize":64}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"noop","attributes":{"latency":1}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"reset_peer","attributes":{"delay":1}}"#),
            ("GET /proxies/p/toxics", ""),
            (
                "POST /proxies/p/toxics",
                r#"{"name":"t","type":"limit_data","attributes":{"bytes":5}}"#,
            ),
            ("PATCH /proxies/p/toxics/t", r#"{"attributes":{"byte":7}}"#),
            ("PATCH /proxies/p/toxics/t", r#"{"atributes":{"bytes":7}}"#),
            ("POST /proxies/p/toxics/t", r#"{"attributes":{"rate":7}}"#),
            ("GET /proxies/p/toxics/t", ""),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies {"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}
      201 {"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]}
    POST /proxies/p/toxics {"type":"latency","attributes":{"latancy":500}}
      400 {"error":"bad request body: there is no attribute latancy: the type latency has latency and jitter","status":400}
    POST /proxies/p/toxics {"type":"latency","attributes":{"latency":500,"Jiter":5}}
      400 {"error":"bad request body: there is no attribute jiter: the type latency has latency and jitter","status":400}
    POST /proxies/p/toxics {"type":"latency","attribute":{"latency":500}}
      400 {"error":"bad request body: there is no field attribute: a toxic has name, type, stream, toxicity and attributes","status":400}
    POST /proxies/p/toxics {"type":"latency","latency":500}
      400 {"error":"bad request body: there is no field latency: a toxic has name, type, stream, toxicity and attributes","status":400}
    POST /proxies/p/toxics {"type":"timeout","toxisity":0.1}
      400 {"error":"bad request body: there is no field toxisity: a toxic has name, type, stream, toxicity and attributes","status":400}
    POST /proxies/p/toxics {"type":"slicer","attributes":{"averageSize":64}}
      400 {"error":"bad request body: there is no attribute averagesize: the type slicer has average_size, size_variation and delay","status":400}
    POST /proxies/p/toxics {"type":"noop","attributes":{"latency":1}}
      400 {"error":"bad request body: there is no attribute latency: the type noop has none","status":400}
    POST /proxies/p/toxics {"type":"reset_peer","attributes":{"delay":1}}
      400 {"error":"bad request body: there is no attribute delay: the type reset_peer has timeout","status":400}
    GET /proxies/p/toxics
      200 []
    POST /proxies/p/toxics {"name":"t","type":"limit_data","attributes":{"bytes":5}}
      200 {"attributes":{"bytes":5},"name":"t","type":"limit_data","stream":"downstream","toxicity":1}
    PATCH /proxies/p/toxics/t {"attributes":{"byte":7}}
      400 {"error":"bad request body: there is no attribute byte: the type limit_data has bytes","status":400}
    PATCH /proxies/p/toxics/t {"atributes":{"bytes":7}}
      400 {"error":"bad request body: there is no field atributes: a toxic has name, type, stream, toxicity and attributes","status":400}
    POST /proxies/p/toxics/t {"attributes":{"rate":7}}
      400 {"error":"bad request body: there is no attribute rate: the type limit_data has bytes","status":400}
    GET /proxies/p/toxics/t
      200 {"attributes":{"bytes":5},"name":"t","type":"limit_data","stream":"downstream","toxicity":1}
    "#);
}

#[tokio::test]
async fn attributes_of_our_own_toxics_that_mean_nothing_are_refused() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            ("POST /proxies", P),
            ("POST /proxies/p/toxics", r#"{"type":"loss","attributes":{"rate":100}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"loss","attributes":{"per_mille":1001}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"loss","attributes":{"per_mille":0.5}}"#),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"loss","attributes":{"per_mille":10,"usable":1}}"#,
            ),
            ("POST /proxies/p/toxics", r#"{"type":"loss","attributes":{"probability":1}}"#),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"drop","attributes":{"per_mille":10,"usable":2}}"#,
            ),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"drop","attributes":{"per_mille":10,"useable":1}}"#,
            ),
            ("POST /proxies/p/toxics", r#"{"type":"corrupt","attributes":{"percent":1}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"corrupt","attributes":{"per_mille":-1}}"#),
            ("POST /proxies/p/toxics", r#"{"type":"blackhole","attributes":{"timeout":1}}"#),
            ("GET /proxies/p/toxics", ""),
            (
                "POST /proxies/p/toxics",
                r#"{"type":"drop","attributes":{"per_mille":1000,"usable":0}}"#,
            ),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies {"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:6379"}
      201 {"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[]}
    POST /proxies/p/toxics {"type":"loss","attributes":{"rate":100}}
      400 {"error":"bad request body: there is no attribute rate: the type loss has per_mille","status":400}
    POST /proxies/p/toxics {"type":"loss","attributes":{"per_mille":1001}}
      400 {"error":"bad request body: attribute per_mille is 1001: a whole number from 0 to 1000 is wanted","status":400}
    POST /proxies/p/toxics {"type":"loss","attributes":{"per_mille":0.5}}
      400 {"error":"bad request body: attribute per_mille is 0.5: a whole number from 0 to 1000 is wanted","status":400}
    POST /proxies/p/toxics {"type":"loss","attributes":{"per_mille":10,"usable":1}}
      400 {"error":"bad request body: there is no attribute usable: the type loss has per_mille","status":400}
    POST /proxies/p/toxics {"type":"loss","attributes":{"probability":1}}
      400 {"error":"bad request body: there is no attribute probability: the type loss has per_mille","status":400}
    POST /proxies/p/toxics {"type":"drop","attributes":{"per_mille":10,"usable":2}}
      400 {"error":"bad request body: attribute usable is 2: a whole number from 0 to 1 is wanted","status":400}
    POST /proxies/p/toxics {"type":"drop","attributes":{"per_mille":10,"useable":1}}
      400 {"error":"bad request body: there is no attribute useable: the type drop has per_mille and usable","status":400}
    POST /proxies/p/toxics {"type":"corrupt","attributes":{"percent":1}}
      400 {"error":"bad request body: there is no attribute percent: the type corrupt has per_mille","status":400}
    POST /proxies/p/toxics {"type":"corrupt","attributes":{"per_mille":-1}}
      400 {"error":"bad request body: attribute per_mille is -1: a whole number from 0 to 1000 is wanted","status":400}
    POST /proxies/p/toxics {"type":"blackhole","attributes":{"timeout":1}}
      400 {"error":"bad request body: there is no attribute timeout: the type blackhole has none","status":400}
    GET /proxies/p/toxics
      200 []
    POST /proxies/p/toxics {"type":"drop","attributes":{"per_mille":1000,"usable":0}}
      200 {"attributes":{"per_mille":1000,"usable":0},"name":"drop_downstream","type":"drop","stream":"downstream","toxicity":1}
    "#);
}

#[tokio::test]
async fn toxics_that_come_with_a_proxy_are_there() {
    let server = Server::start().await;
    let latency =
        r#"{"type":"latency","stream":"downstream","toxicity":1.0,"attributes":{"latency":500}}"#;
    let with = |name: &str, toxics: &str| {
        format!(
            r#"{{"name":"{name}","listen":"127.0.0.1:0","upstream":"b:1","toxics":[{toxics}]}}"#
        )
    };
    let two = format!(
        r#"{latency},{{"name":"slow","Type":"bandwidth","stream":"upstream","attributes":{{"Rate":9}}}}"#
    );
    let text = conversation(
        &server,
        &[
            ("POST /proxies", &with("a", latency)),
            ("POST /proxies", &with("b", &two)),
            ("POST /proxies", &with("c", "").replace("[]", "null")),
            (
                "POST /proxies",
                &with("d", latency).replace("\"toxics\"", "\"enabled\":false,\"Toxics\""),
            ),
            ("POST /populate", &format!("[{},{}]", with("e", &two), with("f", ""))),
            ("GET /proxies/e/toxics", ""),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies {"name":"a","listen":"127.0.0.1:0","upstream":"b:1","toxics":[{"type":"latency","stream":"downstream","toxicity":1.0,"attributes":{"latency":500}}]}
      201 {"name":"a","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[{"attributes":{"jitter":0,"latency":500},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]}
    POST /proxies {"name":"b","listen":"127.0.0.1:0","upstream":"b:1","toxics":[{"type":"latency","stream":"downstream","toxicity":1.0,"attributes":{"latency":500}},{"name":"slow","Type":"bandwidth","stream":"upstream","attributes":{"Rate":9}}]}
      201 {"name":"b","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[{"attributes":{"rate":9},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":1},{"attributes":{"jitter":0,"latency":500},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]}
    POST /proxies {"name":"c","listen":"127.0.0.1:0","upstream":"b:1","toxics":null}
      201 {"name":"c","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}
    POST /proxies {"name":"d","listen":"127.0.0.1:0","upstream":"b:1","enabled":false,"Toxics":[{"type":"latency","stream":"downstream","toxicity":1.0,"attributes":{"latency":500}}]}
      201 {"name":"d","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":false,"toxics":[{"attributes":{"jitter":0,"latency":500},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]}
    POST /populate [{"name":"e","listen":"127.0.0.1:0","upstream":"b:1","toxics":[{"type":"latency","stream":"downstream","toxicity":1.0,"attributes":{"latency":500}},{"name":"slow","Type":"bandwidth","stream":"upstream","attributes":{"Rate":9}}]},{"name":"f","listen":"127.0.0.1:0","upstream":"b:1","toxics":[]}]
      201 {"proxies":[{"name":"e","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[{"attributes":{"rate":9},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":1},{"attributes":{"jitter":0,"latency":500},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]},{"name":"f","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}]}
    GET /proxies/e/toxics
      200 [{"attributes":{"rate":9},"name":"slow","type":"bandwidth","stream":"upstream","toxicity":1},{"attributes":{"jitter":0,"latency":500},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}]
    "#);
}

#[tokio::test]
async fn a_toxic_that_cannot_come_with_a_proxy_is_told_and_the_proxy_is_not_made() {
    let server = Server::start().await;
    for toxics in [
        r#"{"type":"poison"}"#,
        r#"{"type":"noop"},{"type":"noop","stream":"sideways"}"#,
        r#"{"type":"latency","attributes":{"latancy":500}}"#,
        r#"{"type":"latency","latency":500}"#,
        r#"{"type":"noop","toxicity":2}"#,
        r#"{"type":"loss","attributes":{"per_mille":1001}}"#,
        r#"{"type":"latency"},{"type":"latency"}"#,
        r#"5"#,
    ] {
        let body = P.replace('}', &format!(r#","toxics":[{toxics}]}}"#));
        let (status, alone) = server.ask("POST /proxies", &body).await;
        assert_eq!(status, 400, "{alone}");
        let (status, among) = server.ask("POST /populate", &format!("[{body}]")).await;
        assert_eq!(status, 400, "{among}");
        harness_proxy::parse_config(&format!("[{body}]")).unwrap_err();
        assert_eq!(server.ask("GET /proxies", "").await, (200, String::from("{}")));
    }
    let second = r#"[{"name":"a","upstream":"b:1"},{"name":"p","upstream":"b:1","toxics":[{"type":"noop"},{"type":"loss","attributes":{"rate":1}}]}]"#;
    assert_eq!(
        harness_proxy::parse_config(second).unwrap_err().to_string(),
        "toxic 2 of proxy p: there is no attribute rate: the type loss has per_mille"
    );
}

#[tokio::test]
async fn a_populate_applies_toxics_to_what_is_there_and_keeps_the_others() {
    let server = Server::start().await;
    let listen = server.proxy("127.0.0.1:6379").await;
    let with = |toxics: &str| {
        format!(
            r#"[{{"name":"p","listen":"{listen}","upstream":"127.0.0.1:6379","toxics":[{toxics}]}}]"#
        )
    };
    server.ask("POST /proxies/p/toxics", r#"{"name":"kept","type":"noop"}"#).await;
    let text = conversation(
        &server,
        &[
            (
                "POST /populate",
                &with(r#"{"name":"t","type":"latency","attributes":{"latency":5}}"#),
            ),
            (
                "POST /populate",
                &with(r#"{"name":"t","type":"latency","attributes":{"latency":7}}"#),
            ),
            ("POST /populate", &with(r#"{"name":"t","type":"bandwidth","attributes":{"rate":7}}"#)),
            ("POST /populate", &with(r#"{"name":"t","type":"noop","stream":"upstream"}"#)),
            ("POST /populate", &with("")),
        ],
    )
    .await;
    insta::assert_snapshot!(text.replace(&listen.to_string(), "127.0.0.1:PORT"), @r#"
    POST /populate [{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","toxics":[{"name":"t","type":"latency","attributes":{"latency":5}}]}]
      201 {"proxies":[{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[{"attributes":{},"name":"kept","type":"noop","stream":"downstream","toxicity":1},{"attributes":{"jitter":0,"latency":5},"name":"t","type":"latency","stream":"downstream","toxicity":1}]}]}
    POST /populate [{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","toxics":[{"name":"t","type":"latency","attributes":{"latency":7}}]}]
      201 {"proxies":[{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[{"attributes":{},"name":"kept","type":"noop","stream":"downstream","toxicity":1},{"attributes":{"jitter":0,"latency":7},"name":"t","type":"latency","stream":"downstream","toxicity":1}]}]}
    POST /populate [{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","toxics":[{"name":"t","type":"bandwidth","attributes":{"rate":7}}]}]
      201 {"proxies":[{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[{"attributes":{},"name":"kept","type":"noop","stream":"downstream","toxicity":1},{"attributes":{"rate":7},"name":"t","type":"bandwidth","stream":"downstream","toxicity":1}]}]}
    POST /populate [{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","toxics":[{"name":"t","type":"noop","stream":"upstream"}]}]
      201 {"proxies":[{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[{"attributes":{},"name":"t","type":"noop","stream":"upstream","toxicity":1},{"attributes":{},"name":"kept","type":"noop","stream":"downstream","toxicity":1}]}]}
    POST /populate [{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","toxics":[]}]
      201 {"proxies":[{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":true,"toxics":[{"attributes":{},"name":"t","type":"noop","stream":"upstream","toxicity":1},{"attributes":{},"name":"kept","type":"noop","stream":"downstream","toxicity":1}]}]}
    "#);
}

#[tokio::test]
async fn what_is_misspelt_in_a_proxy_is_refused() {
    let server = Server::start().await;
    let text = conversation(
        &server,
        &[
            (
                "POST /proxies",
                r#"{"name":"a","listen":"127.0.0.1:0","upstream":"b:1","enable":false}"#,
            ),
            ("POST /proxies", r#"{"name":"a","upstreem":"b:1"}"#),
            (
                "POST /populate",
                r#"[{"name":"a","upstream":"b:1"},{"name":"b","upstream":"b:1","toxic":[]}]"#,
            ),
            (
                "POST /proxies",
                r#"{"name":"a","listen":"127.0.0.1:0","upstream":"b:1","Logger":{}}"#,
            ),
            ("PATCH /proxies/a", r#"{"enable":false}"#),
            ("POST /populate", r#"[{"name":"b","upstream":"b:1"},{"name":"b","upstream":"b:2"}]"#),
            ("GET /proxies", ""),
        ],
    )
    .await;
    insta::assert_snapshot!(text, @r#"
    POST /proxies {"name":"a","listen":"127.0.0.1:0","upstream":"b:1","enable":false}
      400 {"error":"bad request body: there is no field enable: a proxy has name, listen, upstream, enabled and toxics","status":400}
    POST /proxies {"name":"a","upstreem":"b:1"}
      400 {"error":"bad request body: there is no field upstreem: a proxy has name, listen, upstream, enabled and toxics","status":400}
    POST /populate [{"name":"a","upstream":"b:1"},{"name":"b","upstream":"b:1","toxic":[]}]
      400 {"error":"bad request body: there is no field toxic at proxy 2: a proxy has name, listen, upstream, enabled and toxics","status":400,"proxies":[]}
    POST /proxies {"name":"a","listen":"127.0.0.1:0","upstream":"b:1","Logger":{}}
      201 {"name":"a","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}
    PATCH /proxies/a {"enable":false}
      400 {"error":"bad request body: there is no field enable: a proxy has name, listen, upstream, enabled and toxics","status":400}
    POST /populate [{"name":"b","upstream":"b:1"},{"name":"b","upstream":"b:2"}]
      400 {"error":"bad request body: there are two proxies named b: names are unique","status":400,"proxies":[]}
    GET /proxies
      200 {"a":{"name":"a","listen":"127.0.0.1:PORT","upstream":"b:1","enabled":true,"toxics":[]}}
    "#);
}

#[tokio::test]
async fn what_a_change_passes_over_as_toxiproxy_does_is_told_in_a_header() {
    let server = Server::start().await;
    let listen = server.proxy("127.0.0.1:6379").await;
    server.ask("POST /proxies/p/toxics", r#"{"name":"t","type":"noop"}"#).await;
    let populate = format!(
        r#"[{{"name":"p","listen":"{listen}","upstream":"127.0.0.1:6379","enabled":false}}]"#
    );
    let own = r#"{"name":"p","enabled":true,"toxics":[{"attributes":{},"name":"t","type":"noop","stream":"downstream","toxicity":1}]}"#;
    let mut text = String::new();
    for (request, body) in [
        ("PATCH /proxies/p", r#"{"name":"q"}"#),
        ("PATCH /proxies/p", r#"{"toxics":[{"type":"latency"}]}"#),
        ("PATCH /proxies/p", own),
        ("PATCH /proxies/p", r#"{"toxics":[]}"#),
        ("PATCH /proxies/p/toxics/t", r#"{"type":"latency","stream":"upstream","name":"u"}"#),
        ("PATCH /proxies/p/toxics/t", r#"{"type":"noop","stream":"Downstream","name":"t"}"#),
        ("POST /populate", &populate),
    ] {
        let (head, _) = server.whole_answer("test", request, body).await;
        let status = head.split(' ').nth(1).unwrap();
        let warning = head.lines().find(|line| line.starts_with("Warning: ")).unwrap_or("-");
        text += &format!("{request} {body}\n  {status} {warning}\n");
    }
    insta::assert_snapshot!(text.replace(&listen.to_string(), "127.0.0.1:PORT"), @r#"
    PATCH /proxies/p {"name":"q"}
      200 Warning: 299 - "the name is still p, not q"
    PATCH /proxies/p {"toxics":[{"type":"latency"}]}
      200 Warning: 299 - "the toxics are as they were: they are changed at /proxies/p/toxics"
    PATCH /proxies/p {"name":"p","enabled":true,"toxics":[{"attributes":{},"name":"t","type":"noop","stream":"downstream","toxicity":1}]}
      200 -
    PATCH /proxies/p {"toxics":[]}
      200 Warning: 299 - "the toxics are as they were: they are changed at /proxies/p/toxics"
    PATCH /proxies/p/toxics/t {"type":"latency","stream":"upstream","name":"u"}
      200 Warning: 299 - "the name is still t, not u"
    PATCH /proxies/p/toxics/t {"type":"noop","stream":"Downstream","name":"t"}
      200 -
    POST /populate [{"name":"p","listen":"127.0.0.1:PORT","upstream":"127.0.0.1:6379","enabled":false}]
      201 Warning: 299 - "the proxy p was there already and is still enabled, not disabled"
    "#);
}

#[tokio::test]
async fn toxics_of_a_configuration_are_met_by_the_first_byte() {
    let upstream = echo_server().await;
    let config = format!(
        r#"[{{"name":"r","listen":"127.0.0.1:0","upstream":"{upstream}",
            "toxics":[{{"type":"latency","stream":"downstream","toxicity":1.0,"attributes":{{"latency":100}}}}]}}]"#
    );
    let server = ProxyServer::bind("127.0.0.1:0".parse().unwrap(), 1).await.unwrap();
    let proxies = harness_proxy::parse_config(&config).unwrap();
    let made = server.populate(&proxies).await.unwrap();
    assert_eq!(made[0].toxics.len(), 1);
    let mut client = TcpStream::connect(&made[0].listen).await.unwrap();
    let began = Instant::now();
    echoes(&mut client, b"late").await;
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
}
