//! What one acceptor costs: the server's work per register, and the client's part of the latency of
//! a lone request.
//!
//! Needs `redis-server` and `redis-cli`. `cargo run --release --example acceptor_cost`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring program")]

use bytes::Bytes;
use gryadka::{
    Acceptor, AcceptorClient, AcceptorId, AcceptorIdentity, AcceptorState, Ballot, Completed, Head,
    Lineage, ProposerId, RemoteAcceptor, ReplyHandler, Request, VersionedValue,
};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// A port that is probably free.
const PORT: &str = "17399";
const HEAD: Head =
    Head { identity: AcceptorIdentity { cluster: 7, acceptor: AcceptorId(1) }, epoch: 1 };
const VALUE: [u8; 100] = [b'v'; 100];

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start() -> Server {
    let mut command = Command::new("redis-server");
    command.args(["--port", PORT, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let server = Server(command.stdout(Stdio::null()).spawn().unwrap());
    while !ask(&["PING"]).starts_with("PONG") {
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

fn ask(words: &[&str]) -> String {
    let answer = Command::new("redis-cli").args(["-p", PORT]).args(words).output().unwrap();
    String::from_utf8(answer.stdout).unwrap()
}

/// What the server counts of script calls: `calls`, or `usec_per_call`.
fn scripts(what: &str) -> f64 {
    let stats = ask(&["INFO", "commandstats"]);
    let line = stats.lines().find(|line| line.starts_with("cmdstat_evalsha")).unwrap();
    let (_, rest) = line.split_once(&format!("{what}=")).unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}

fn request(kind: &str, counter: u64) -> Request {
    let ballot = |counter| Ballot { counter, proposer: ProposerId(77) };
    let versioned = VersionedValue {
        version: counter,
        value: Some(Bytes::from_static(&VALUE)),
        lineage: Lineage::of(vec![ballot(counter)]),
    };
    match kind {
        "accept" => Request::Accept {
            ballot: ballot(counter),
            value: Some(versioned),
            promise: ballot(counter + 1),
        },
        "prepare" => Request::Prepare { ballot: ballot(counter) },
        _ => Request::Read,
    }
}

async fn work(acceptor: &RemoteAcceptor) {
    println!("server work per register in µs (in brackets: per call)");
    let mut counter = 1;
    for kind in ["accept", "prepare", "read"] {
        for size in [1, 8, 64] {
            ask(&["CONFIG", "RESETSTAT"]);
            for _ in 0..20_000 / size {
                counter += 1;
                let key = |number| Bytes::from(format!("key-of-some-length-{number}"));
                let requests = (0..size).map(|number| (key(number), request(kind, counter)));
                let replies = acceptor.call(HEAD, requests.collect()).await;
                assert!(replies.iter().all(Result::is_ok), "{replies:?}");
            }
            let call = scripts("usec_per_call");
            println!("{kind:8} {size:3} a call: {:6.2} ({call:.1})", call / f64::from(size));
        }
    }
}

struct Results(mpsc::UnboundedSender<Vec<Completed<u64>>>);

impl ReplyHandler<u64> for Results {
    fn take(&self, results: Vec<Completed<u64>>) {
        self.0.send(results).unwrap();
    }
}

/// The median of what one lone accept takes, in microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

async fn through_the_client(client: &AcceptorClient<u64>, received: &mut Received) -> f64 {
    let mut times = Vec::new();
    for number in 0..20_000 {
        let began = Instant::now();
        let request = request("accept", received.1);
        received.1 += 1;
        client.send(HEAD, Bytes::from_static(b"lone"), request, number).unwrap();
        let results = received.0.recv().await.unwrap();
        times.push(began.elapsed());
        assert!(results[0].result.is_ok(), "{results:?}");
    }
    median(times)
}

type Received = (mpsc::UnboundedReceiver<Vec<Completed<u64>>>, u64);

async fn through_the_crate(acceptor: &RemoteAcceptor, counter: &mut u64) -> f64 {
    let mut times = Vec::new();
    for _ in 0..20_000 {
        let began = Instant::now();
        let request = request("accept", *counter);
        *counter += 1;
        let replies = acceptor.call(HEAD, vec![(Bytes::from_static(b"crate"), request)]).await;
        times.push(began.elapsed());
        assert!(replies[0].is_ok());
    }
    median(times)
}

/// The bytes of a call, as the client would send them, and nothing around them.
async fn on_a_bare_socket(counter: &mut u64) -> f64 {
    let hash = ask(&["SCRIPT", "LOAD", include_str!("../src/scripts/execute.lua")]);
    let mut socket = tokio::net::TcpStream::connect(format!("127.0.0.1:{PORT}")).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let mut reply = [0; 64];
    let mut times = Vec::new();
    for _ in 0..20_000 {
        let began = Instant::now();
        let mut register = vec![b'A'];
        *counter += 1;
        for number in [*counter + 1, 77, *counter, 77, *counter] {
            register.extend(number.to_be_bytes());
        }
        register.push(0);
        register.extend(VALUE);
        let arguments: [&[u8]; 9] = [
            b"EVALSHA",
            hash.trim().as_bytes(),
            b"3",
            b"gryadka:!",
            b"gryadka:?",
            b"gryadka:=bare",
            b"7/1",
            b"1",
            &register,
        ];
        let mut out = b"*9\r\n".to_vec();
        for argument in arguments {
            out.extend(format!("${}\r\n", argument.len()).bytes());
            out.extend(argument);
            out.extend(b"\r\n");
        }
        socket.write_all(&out).await.unwrap();
        let length = socket.read(&mut reply).await.unwrap();
        times.push(began.elapsed());
        assert_eq!(&reply[..length], b"*1\r\n:1\r\n");
    }
    median(times)
}

/// Accepts a second with so many keys changed all the time, and how many travelled in a call.
async fn throughput(
    client: &AcceptorClient<u64>,
    received: &mut Received,
    keys: u64,
) -> (f64, f64) {
    const TIME: Duration = Duration::from_secs(2);
    let key = |number| Bytes::from(format!("{keys}-key-of-some-length-{number}"));
    ask(&["CONFIG", "RESETSTAT"]);
    let began = Instant::now();
    let mut send = |number| {
        received.1 += 1;
        client.send(HEAD, key(number), request("accept", received.1), number).unwrap();
    };
    (0..keys).for_each(&mut send);
    let (mut done, mut under_way) = (0_u32, keys);
    while under_way > 0 {
        for Completed { tag, result } in received.0.recv().await.unwrap() {
            assert!(result.is_ok(), "{result:?}");
            under_way -= 1;
            done += 1;
            if began.elapsed() < TIME {
                send(tag);
                under_way += 1;
            }
        }
    }
    let rate = f64::from(done) / began.elapsed().as_secs_f64();
    (rate, f64::from(done) / scripts("calls"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _server = start();
    let address = format!("redis://127.0.0.1:{PORT}");
    let acceptor = Arc::new(RemoteAcceptor::new(&address, "gryadka:").unwrap());
    let state = AcceptorState { identity: HEAD.identity, epoch: 1, promise_floor: 0 };
    acceptor.admit(state, Bytes::new(), 0).await.unwrap();
    work(&acceptor).await;

    let (sender, receiver) = mpsc::unbounded_channel();
    let client = AcceptorClient::start(&Handle::current(), &acceptor, &Arc::new(Results(sender)));
    let mut received = (receiver, 1);
    let (mut bare, mut crates) = (1, 1);
    println!("a lone accept, median in µs");
    for _ in 0..3 {
        println!(
            "bare socket {:.1}, redis crate {:.1}, client {:.1}",
            on_a_bare_socket(&mut bare).await,
            through_the_crate(&acceptor, &mut crates).await,
            through_the_client(&client, &mut received).await,
        );
    }

    println!("accepts a second through one client");
    for keys in [1, 8, 64, 512] {
        let (rate, load) = throughput(&client, &mut received, keys).await;
        println!("{keys:3} keys: {rate:.0}, {load:.1} in a call");
    }
}
