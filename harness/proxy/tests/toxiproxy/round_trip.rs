//! Our client and our server, and our client against servers that are something else.

use crate::support::{Server, echo_server, echoes};
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

#[tokio::test]
async fn what_is_refused_is_told_with_what_was_asked_and_what_was_said() {
    let server = Server::start().await;
    let toxiproxy = Toxiproxy::at(&server.url()).unwrap();
    toxiproxy.create(&settings("a", "127.0.0.1:0", "b:1")).await.unwrap();
    let noop = toxic("t", Direction::Replies, Effect::Noop);
    toxiproxy.add_toxic("a", &noop).await.unwrap();
    let wrong = toxic(
        "u",
        Direction::Replies,
        Effect::Slicer { average_size: 1, size_variation: 1, delay: Duration::ZERO },
    );
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
    POST URL/proxies/a/toxics: 400, bad request body: toxic u: sizes cannot lie up to 1 bytes from an average of 1: the variation is less than the average
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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert_ne!(stream.read(&mut request).await.unwrap(), 0);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
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
