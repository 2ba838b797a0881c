//! Our client and our server, and our client against servers that are something else.

use crate::support::{RESET, Server, echo_server, echoes, nothing_comes, rest, send};
use harness_proxy::{
    Direction, Effect, ProxySettings, Toxic, Toxiproxy, ToxiproxyError, WireError,
};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn settings(name: &str, listen: &str, upstream: &str) -> ProxySettings {
    ProxySettings {
        name: name.to_owned(),
        listen: listen.to_owned(),
        upstream: upstream.to_owned(),
        enabled: true,
        toxics: Vec::new(),
    }
}

fn toxic(name: &str, direction: Direction, effect: Effect) -> Toxic {
    Toxic { name: name.to_owned(), direction, toxicity: 1.0, effect }
}

const EFFECTS: [Effect; 12] = [
    Effect::Noop,
    Effect::Latency { latency: Duration::from_millis(20), jitter: Duration::from_millis(5) },
    Effect::Bandwidth { rate: 100 },
    Effect::SlowClose { delay: Duration::from_secs(1) },
    Effect::Timeout { timeout: Duration::from_secs(2) },
    Effect::ResetPeer { timeout: Duration::from_secs(3) },
    Effect::Slicer { average_size: 100, size_variation: 10, delay: Duration::from_micros(7) },
    Effect::LimitData { bytes: 1000 },
    Effect::Blackhole,
    Effect::Loss { probability: 0.05 },
    Effect::Drop { probability: 0.25, usable: true },
    Effect::Corrupt { probability: 0.001 },
];

#[tokio::test]
async fn everything_that_can_be_told() {
    let server = Server::start().await;
    let toxiproxy = Toxiproxy::at(&server.url()).unwrap();
    assert!(toxiproxy.version().await.unwrap().is_ours());

    let upstream = echo_server().await.to_string();
    let made = toxiproxy.create(&settings("p1-a1", "127.0.0.1:0", &upstream)).await.unwrap();
    assert_eq!((made.enabled, made.toxics.as_slice()), (true, [].as_slice()));
    assert_eq!(toxiproxy.proxy("p1-a1").await.unwrap(), made);
    assert_eq!(toxiproxy.proxies().await.unwrap()["p1-a1"], made);

    for (number, effect) in EFFECTS.into_iter().enumerate() {
        let direction = [Direction::Requests, Direction::Replies][number % 2];
        let toxic = toxic(&format!("f{number}"), direction, effect);
        assert_eq!(toxiproxy.add_toxic("p1-a1", &toxic).await.unwrap(), toxic);
        assert_eq!(toxiproxy.toxic("p1-a1", &toxic.name).await.unwrap(), toxic);
    }
    assert_eq!(toxiproxy.toxics("p1-a1").await.unwrap().len(), EFFECTS.len());
    let slower = Effect::Bandwidth { rate: 50 };
    let update = Toxic { toxicity: 0.3, ..toxic("f2", Direction::Requests, slower) };
    assert_eq!(toxiproxy.update_toxic("p1-a1", &update).await.unwrap(), update);
    toxiproxy.remove_toxic("p1-a1", "f2").await.unwrap();
    assert_eq!(toxiproxy.toxics("p1-a1").await.unwrap().len(), EFFECTS.len() - 1);

    assert!(!toxiproxy.disable("p1-a1").await.unwrap().enabled);
    assert!(toxiproxy.enable("p1-a1").await.unwrap().enabled);
    toxiproxy.disable("p1-a1").await.unwrap();
    toxiproxy.reset().await.unwrap();
    assert_eq!(toxiproxy.proxy("p1-a1").await.unwrap(), made);

    let again = [settings("p1-a1", &made.listen, &upstream), settings("b", "", "redis:6379")];
    let populated = toxiproxy.populate(&again).await.unwrap();
    assert_eq!((populated.len(), &populated[0]), (2, &made));
    toxiproxy.delete("b").await.unwrap();
    assert_eq!(toxiproxy.proxies().await.unwrap().len(), 1);
}

#[tokio::test]
async fn bytes_are_counted_in_each_direction() {
    let server = Server::start().await;
    let toxiproxy = Toxiproxy::at(&server.url()).unwrap();
    let upstream = echo_server().await.to_string();
    let made = toxiproxy.create(&settings("a \"b\"", "127.0.0.1:0", &upstream)).await.unwrap();
    let mut client = TcpStream::connect(&made.listen).await.unwrap();
    echoes(&mut client, b"five!").await;
    let bytes = toxiproxy.bytes().await.unwrap()["a \"b\""];
    assert_eq!((bytes.requests.received, bytes.requests.sent), (5, 5));
    assert_eq!((bytes.replies.received, bytes.replies.sent), (5, 5));
}

/// A command of RESP, which what loses messages tells apart.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

#[tokio::test]
async fn what_is_lost_and_left_out_is_counted() {
    let server = Server::start().await;
    let toxiproxy = Toxiproxy::at(&server.url()).unwrap();
    let upstream = echo_server().await.to_string();
    let made = toxiproxy.create(&settings("p", "127.0.0.1:0", &upstream)).await.unwrap();
    let counted = async || {
        let bytes = toxiproxy.bytes().await.unwrap()["p"];
        (bytes.lost, bytes.dropped)
    };
    assert_eq!(counted().await, (Some(0), Some(0)));
    for direction in [Direction::Requests, Direction::Replies] {
        let lost = counted().await.0.unwrap();
        let mut client = TcpStream::connect(&made.listen).await.unwrap();
        echoes(&mut client, PING).await;
        let loss = toxic("t", direction, Effect::Loss { probability: 1.0 });
        toxiproxy.add_toxic("p", &loss).await.unwrap();
        send(&mut client, PING).await;
        assert_eq!(rest(&mut client).await, RESET);
        // It is counted before anybody can see it.
        assert_eq!(counted().await, (Some(lost + 1), Some(0)), "{direction}");
        toxiproxy.remove_toxic("p", "t").await.unwrap();
    }
    let mut client = TcpStream::connect(&made.listen).await.unwrap();
    echoes(&mut client, PING).await;
    let dropping = Effect::Drop { probability: 1.0, usable: true };
    toxiproxy.add_toxic("p", &toxic("t", Direction::Requests, dropping)).await.unwrap();
    for _ in 0..3 {
        send(&mut client, PING).await;
    }
    nothing_comes(&mut client).await;
    assert_eq!(counted().await, (Some(2), Some(3)));
}

#[tokio::test]
async fn a_genuine_one_counts_no_losses() {
    let metrics = "toxiproxy_proxy_sent_bytes_total{direction=\"upstream\",proxy=\"p\"} 7\n";
    let toxiproxy = Toxiproxy::at(&parrot(metrics).await).unwrap();
    let bytes = toxiproxy.bytes().await.unwrap()["p"];
    assert_eq!((bytes.requests.sent, bytes.lost, bytes.dropped), (7, None, None));
}

#[tokio::test]
async fn toxics_that_a_proxy_is_made_with_are_there() {
    let server = Server::start().await;
    let toxiproxy = Toxiproxy::at(&server.url()).unwrap();
    let toxics = vec![
        toxic("up", Direction::Requests, Effect::Blackhole),
        toxic("down", Direction::Replies, Effect::Corrupt { probability: 0.25 }),
    ];
    let wanted = ProxySettings { toxics: toxics.clone(), ..settings("p", "127.0.0.1:0", "b:1") };
    assert_eq!(toxiproxy.create(&wanted).await.unwrap().toxics, toxics);
    let others = [ProxySettings { name: String::from("q"), ..wanted }];
    assert_eq!(toxiproxy.populate(&others).await.unwrap()[0].toxics, toxics);
}

#[tokio::test]
async fn toxics_that_a_genuine_one_passes_over_are_noticed() {
    let state =
        r#"{"name":"p","listen":"127.0.0.1:1","upstream":"b:1","enabled":true,"toxics":[]}"#;
    let toxiproxy = Toxiproxy::at(&answering(201, state).await).unwrap();
    let toxics = vec![toxic("t", Direction::Replies, Effect::Noop)];
    let wanted = ProxySettings { toxics, ..settings("p", "127.0.0.1:1", "b:1") };
    let different = toxiproxy.create(&wanted).await.unwrap_err();
    assert!(matches!(different, ToxiproxyError::Different { .. }), "{different}");
    let plain = settings("p", "127.0.0.1:1", "b:1");
    assert_eq!(toxiproxy.create(&plain).await.unwrap().toxics, []);
}

#[tokio::test]
async fn what_is_refused_is_told_with_what_was_asked_and_what_was_said() {
    let server = Server::start().await;
    let toxiproxy = Toxiproxy::at(&server.url()).unwrap();
    toxiproxy.create(&settings("a", "127.0.0.1:0", "b:1")).await.unwrap();
    let noop = toxic("t", Direction::Replies, Effect::Noop);
    toxiproxy.add_toxic("a", &noop).await.unwrap();
    let wrong = Toxic { toxicity: 1.5, ..toxic("u", Direction::Replies, Effect::Noop) };
    let refusals = [
        toxiproxy.create(&settings("a", "127.0.0.1:0", "b:1")).await.unwrap_err(),
        toxiproxy.create(&settings("b", "127.0.0.1:0", "")).await.unwrap_err(),
        toxiproxy.proxy("a/b").await.unwrap_err(),
        toxiproxy.delete("b").await.unwrap_err(),
        toxiproxy.toxic("a", "x").await.unwrap_err(),
        toxiproxy.remove_toxic("a", "x").await.unwrap_err(),
        toxiproxy.add_toxic("a", &noop).await.unwrap_err(),
        toxiproxy.add_toxic("a", &wrong).await.unwrap_err(),
    ];
    let text: String = refusals.iter().map(|refusal| format!("{refusal}\n")).collect();
    insta::assert_snapshot!(text.replace(&server.url(), "URL"), @r#"
    POST URL/proxies: 409, proxy already exists
    POST URL/proxies: 400, missing required field: upstream
    GET URL/proxies/a%2Fb: 404, proxy not found
    DELETE URL/proxies/b: 404, proxy not found
    GET URL/proxies/a/toxics/x: 404, toxic not found
    DELETE URL/proxies/a/toxics/x: 404, toxic not found
    POST URL/proxies/a/toxics: 409, toxic already exists
    POST URL/proxies/a/toxics: 400, bad request body: toxic u: a toxicity of 1.5 is not possible: it lies between 0 and 1
    "#);
    let found: Vec<_> = refusals.iter().map(ToxiproxyError::is_not_found).collect();
    assert_eq!(found, [false, false, true, true, true, true, false, false]);
}

#[tokio::test]
async fn a_toxic_that_changed_on_the_way_is_noticed() {
    let server = Server::start().await;
    let toxiproxy = Toxiproxy::at(&server.url()).unwrap();
    toxiproxy.create(&settings("a", "127.0.0.1:0", "b:1")).await.unwrap();
    let slow = Effect::Latency { latency: Duration::from_millis(20), jitter: Duration::ZERO };
    toxiproxy.add_toxic("a", &toxic("t", Direction::Replies, slow)).await.unwrap();
    // An update cannot turn it into something else, and the server does not say so.
    let other = toxic("t", Direction::Replies, Effect::Noop);
    let different = toxiproxy.update_toxic("a", &other).await.unwrap_err();
    assert!(matches!(different, ToxiproxyError::Different { .. }), "{different}");
}

/// A server that answers everything with `body`.
async fn parrot(body: &'static str) -> String {
    answering(200, body).await
}

/// A server that answers everything with `status` and `body`.
async fn answering(status: u16, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert_ne!(stream.read(&mut request).await.unwrap(), 0);
            let head = format!("HTTP/1.1 {status} So\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_genuine_ones_answers_are_understood_whatever_else_is_in_them() {
    let answer = r#"{"redis":{"name":"redis","listen":"[::]:26379","upstream":"redis:6379",
        "enabled":true,"Logger":{},"toxics":[{"attributes":{"latency":5,"jitter":0},"name":"slow",
        "type":"latency","stream":"downstream","toxicity":1}]}}"#;
    let toxiproxy = Toxiproxy::at(&parrot(answer).await).unwrap();
    let redis = toxiproxy.proxies().await.unwrap().remove("redis").unwrap();
    let slow = Effect::Latency { latency: Duration::from_millis(5), jitter: Duration::ZERO };
    assert_eq!(redis.toxics, [toxic("slow", Direction::Replies, slow)]);
    let genuine = Toxiproxy::at(&parrot(r#"{"version": "2.12.0"}"#).await).unwrap();
    let version = genuine.version().await.unwrap();
    assert_eq!((version.as_str(), version.is_ours()), ("2.12.0", false));
}

#[tokio::test]
async fn what_is_no_toxiproxy_is_told_apart() {
    let toxiproxy = Toxiproxy::at(&parrot("<html>").await).unwrap();
    let answer = toxiproxy.version().await.unwrap_err();
    assert!(matches!(answer, ToxiproxyError::Answer { .. }), "{answer}");

    let unknown = r#"[{"name":"t","type":"packet_loss","stream":"upstream","toxicity":1}]"#;
    let toxiproxy = Toxiproxy::at(&parrot(unknown).await).unwrap();
    let unknown = toxiproxy.toxics("a").await.unwrap_err();
    let why = matches!(&unknown, ToxiproxyError::Toxic { source: WireError::Type, .. });
    assert!(why, "{unknown}");

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let toxiproxy = Toxiproxy::at(&format!("http://{}", nobody.local_addr().unwrap())).unwrap();
    drop(nobody);
    let answer = toxiproxy.version().await.unwrap_err();
    assert!(matches!(answer, ToxiproxyError::NoAnswer { .. }), "{answer}");
}

#[tokio::test]
async fn one_that_does_not_answer_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let toxiproxy = Toxiproxy::at(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let slow = toxiproxy.version().await.unwrap_err();
    assert!(matches!(slow, ToxiproxyError::TooSlow { .. }), "{slow}");
}
