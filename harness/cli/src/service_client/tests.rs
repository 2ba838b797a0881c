//! What each call is answered, by a real service over real Redis, and by one that misbehaves.

use super::ServiceClient;
use crate::environment::{Environment, able};
use gryadka::{ConnectOptions, Gryadka};
use gryadka_service::{Server, Settings};
use harness_history::{Function, Outcome, Value};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use workloads::{Answer, Call, Client, Draft, EnvironmentKind, Workload};

const PATIENT: Duration = Duration::from_secs(10);

async fn call(client: &ServiceClient, f: Function, key: &str, value: Value) -> Answer {
    client.call(&Call { f, key: key.into(), value }).await
}

/// Three Redis servers, and a service on a runtime of its own, so that it can be ended at once.
struct Served {
    environment: Environment,
    _logs: TempDir,
    address: SocketAddr,
    service: Option<Runtime>,
}

impl Served {
    async fn start() -> Self {
        let draft = Draft {
            workload: Some(Workload::Append),
            faults: Some(Vec::new()),
            ..Draft::default()
        };
        let kind = EnvironmentKind::Process;
        let scenario = draft.settle(kind, able(kind), 1, None).unwrap();
        let logs = TempDir::new().unwrap();
        let environment = Environment::start_in(logs.path(), &scenario).await.unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let mut served = Self { environment, _logs: logs, address, service: None };
        served.serve().await;
        served
    }

    /// Starts the service, at the address that it had.
    async fn serve(&mut self) {
        let urls: Vec<_> = (1..=3).map(|acceptor| self.environment.url(acceptor)).collect();
        let service = Runtime::new().unwrap();
        let listen = self.address;
        let starting = service.spawn(async move {
            let options = ConnectOptions { initialise: true, ..ConnectOptions::new(urls) };
            let gryadka = Gryadka::connect(options).await.unwrap();
            let server = Server::bind(Settings::new(listen), gryadka).await.unwrap();
            let address = server.address();
            tokio::spawn(server.run(std::future::pending()));
            address
        });
        self.address = starting.await.unwrap();
        self.service = Some(service);
    }

    /// Ends the service with everything that is under way.
    fn kill(&mut self) {
        self.service.take().unwrap().shutdown_background();
    }

    fn client(&self) -> ServiceClient {
        ServiceClient::new(&format!("http://{}", self.address), PATIENT)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(service) = self.service.take() {
            service.shutdown_background();
        }
    }
}

#[tokio::test]
async fn every_call_does_what_it_says() {
    let served = Served::start().await;
    let (one, other) = (served.client(), served.client());
    let key = "a key/of % any ünd";
    let observed = |value: Value| Answer {
        outcome: Outcome::Fail,
        value: json!({ "observed": value }),
        error: None,
    };
    for (f, value, expected) in [
        (Function::Read, Value::Null, Answer::ok(Value::Null)),
        (Function::Write, Value::Null, Answer::ok(Value::Null)),
        (Function::Cas, json!([1, 2]), observed(Value::Null)),
        (Function::Cas, json!([null, 1]), Answer::ok(json!([null, 1]))),
        (Function::Cas, json!([null, 2]), observed(json!(1))),
        (Function::Cas, json!([1, 2]), Answer::ok(json!([1, 2]))),
        (Function::Add, json!(5), Answer::ok(Value::Null)),
        (Function::Read, Value::Null, Answer::ok(json!(7))),
        (Function::Cas, json!([7, null]), Answer::ok(json!([7, null]))),
        (Function::Read, Value::Null, Answer::ok(Value::Null)),
        (Function::Append, json!("x"), Answer::ok(Value::Null)),
        (Function::Append, json!("y"), Answer::ok(Value::Null)),
        (Function::Get, Value::Null, Answer::ok(json!(["x", "y"]))),
        (Function::Put, json!(3), Answer::ok(json!(3))),
        (Function::Write, Value::Null, Answer::ok(Value::Null)),
        (Function::Cas, json!([null, null]), Answer::ok(json!([null, null]))),
        (Function::Read, Value::Null, Answer::ok(Value::Null)),
    ] {
        let answer = call(&one, f, key, value.clone()).await;
        assert_eq!(answer, expected, "{f:?} of {value}");
        // Whatever one has done, the other one sees.
        let (mine, theirs) = (
            call(&one, Function::Read, key, Value::Null).await,
            call(&other, Function::Read, key, Value::Null).await,
        );
        assert_eq!(mine, theirs);
    }
}

#[tokio::test]
async fn nobody_gets_lost_where_many_change_one_key() {
    let served = Served::start().await;
    let client = served.client();
    let adders: Vec<JoinHandle<usize>> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut added = 0;
                for _ in 0..15 {
                    let answer = call(&client, Function::Add, "sum", json!(1)).await;
                    assert_ne!(answer.outcome, Outcome::Info, "{answer:?}");
                    added += usize::from(answer.outcome == Outcome::Ok);
                }
                added
            })
        })
        .collect();
    let mut added = 0;
    for adder in adders {
        added += adder.await.unwrap();
    }
    assert!(added > 0);
    assert_eq!(call(&client, Function::Read, "sum", Value::Null).await.value, json!(added));
}

#[tokio::test]
async fn nothing_succeeds_while_the_service_is_gone() {
    let mut served = Served::start().await;
    let client = served.client();
    let writer = tokio::spawn({
        let client = client.clone();
        async move {
            for number in 0_u64.. {
                let answer = call(&client, Function::Append, "list", json!(number)).await;
                if answer.outcome != Outcome::Ok {
                    return (number, answer);
                }
            }
            unreachable!("somebody ends the service")
        }
    });
    // It is under way when the service ends.
    while call(&client, Function::Read, "list", Value::Null).await.value.is_null() {}
    served.kill();
    let (written, answer) = writer.await.unwrap();
    assert!(matches!(answer.outcome, Outcome::Fail | Outcome::Info), "{answer:?}");
    assert!(answer.error.is_some());
    // Its port is closed when the tasks of its runtime are next looked at.
    while TcpStream::connect(served.address).await.is_ok() {}
    let refused = call(&client.clone(), Function::Write, "list", json!(1)).await;
    assert_eq!(refused.outcome, Outcome::Fail, "{refused:?}");

    served.serve().await;
    let list = call(&client, Function::Read, "list", Value::Null).await.value;
    let there = list.as_array().unwrap().len() as u64;
    let doubts = u64::from(answer.outcome == Outcome::Info);
    assert!((written..=written + doubts).contains(&there), "{there} of {written}: {answer:?}");
}

/// What a service does with one request.
enum Does {
    Answer(&'static str),
    Tear,
    Nothing,
}

use Does::{Answer as Say, Nothing, Tear};

const FOUND: &str = "HTTP/1.1 200 OK\r\nETag: \"7\"\r\nContent-Length: 1\r\n\r\n3";
const DONE: &str = "HTTP/1.1 204 No Content\r\nETag: \"8\"\r\n\r\n";
const DONE_AND_CLOSED: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
const UNMET: &str = "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n";
const UNKNOWN: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 21\r\n\r\n{\"outcome\":\"unknown\"}";
const NOT_APPLIED: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 25\r\n\r\n{\"outcome\":\"not-applied\"}";
const BROKEN: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
const BAD: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

/// A service that does this, request by request, and tells what it was asked.
async fn acted(acts: Vec<Does>) -> (ServiceClient, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = ServiceClient::new(
        &format!("http://{}", listener.local_addr().unwrap()),
        Duration::from_millis(400),
    );
    let acting = tokio::spawn(async move {
        let (mut asked, mut open, mut kept) = (Vec::new(), None, Vec::new());
        for act in acts {
            let mut stream = match open.take() {
                Some(stream) => stream,
                None => listener.accept().await.unwrap().0,
            };
            asked.push(request(&mut stream).await);
            match act {
                Say(text) => {
                    stream.write_all(text.as_bytes()).await.unwrap();
                    open = (!text.contains("close")).then_some(stream);
                }
                Tear => drop(stream),
                Nothing => kept.push(stream),
            }
        }
        // Nobody may have asked for more.
        let more = tokio::time::timeout(Duration::from_millis(700), listener.accept()).await;
        assert!(more.is_err(), "asked again");
        asked
    });
    (client, acting)
}

/// The head of a request, its body read as well.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        text.push(byte[0]);
        if text.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let text = String::from_utf8(text).unwrap().to_lowercase();
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    text
}

#[tokio::test]
async fn outcomes_are_those_that_can_be_answered_for() {
    let write = (Function::Write, json!(1));
    let read = (Function::Read, Value::Null);
    let append = (Function::Append, json!(1));
    let add = (Function::Add, json!(1));
    let (ok, fail, info) = (Outcome::Ok, Outcome::Fail, Outcome::Info);
    for (name, (f, value), acts, expected) in [
        ("done", &write, vec![Say(DONE)], ok),
        ("torn after it was sent", &write, vec![Tear], info),
        ("no answer", &write, vec![Nothing], info),
        ("unknown", &write, vec![Say(UNKNOWN)], info),
        ("not applied", &write, vec![Say(NOT_APPLIED)], fail),
        ("strange", &write, vec![Say(BROKEN)], info),
        ("objected to", &write, vec![Say(BAD)], fail),
        ("found", &read, vec![Say(FOUND)], ok),
        ("a read is torn", &read, vec![Tear], info),
        ("a read is not answered", &read, vec![Nothing], info),
        ("torn before anything was to be changed", &append, vec![Tear], fail),
        ("unknown before anything was to be changed", &append, vec![Say(UNKNOWN)], fail),
        ("changed in one go", &add, vec![Say(FOUND), Say(DONE)], ok),
        ("came too late once", &add, vec![Say(FOUND), Say(UNMET), Say(FOUND), Say(DONE)], ok),
        ("in doubt, and not tried again", &add, vec![Say(FOUND), Tear], info),
        ("unknown, and not tried again", &add, vec![Say(FOUND), Say(UNKNOWN)], info),
        ("late, then in doubt", &add, vec![Say(FOUND), Say(UNMET), Say(FOUND), Nothing], info),
    ] {
        let (client, acting) = acted(acts).await;
        let answer = call(&client, *f, "k", value.clone()).await;
        assert_eq!(answer.outcome, expected, "{name}: {answer:?}");
        assert_eq!(answer.error.is_some(), expected != ok, "{name}: {answer:?}");
        let asked = acting.await.unwrap();
        for asked in asked.iter().filter(|asked| asked.starts_with("put") && *f == Function::Add) {
            assert!(asked.contains("if-match: \"7\""), "{name}: {asked}");
        }
        assert!(asked.iter().all(|asked| asked.contains("gryadka-timeout-ms: ")), "{asked:?}");
    }
}

#[tokio::test]
async fn who_is_not_there_has_done_nothing_and_a_closed_connection_is_no_doubt() {
    let (client, acting) = acted(vec![Say(DONE_AND_CLOSED), Say(DONE)]).await;
    for _ in 0..2 {
        let answer = call(&client, Function::Write, "k", json!(1)).await;
        assert_eq!(answer.outcome, Outcome::Ok, "{answer:?}");
    }
    acting.await.unwrap();
    let answer = call(&client.clone(), Function::Write, "k", json!(1)).await;
    assert_eq!(answer.outcome, Outcome::Fail, "{answer:?}");
}
