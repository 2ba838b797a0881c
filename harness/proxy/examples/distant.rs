//! What the store does where its acceptors are far: three `redis-server` of the example's own, each
//! behind a link that delays requests and replies alike, one `gryadka serve` over them, and clients that
//! write and read keys over HTTP, each waiting for one answer before it asks again. Every key has been
//! written before, so that a change and a read should take one round trip.
//! `cargo run --release -p harness-proxy --example distant -- GRYADKA [ONE_WAY_MS] [ROUNDS]`, where
//! GRYADKA is the path of that program (25 ms each way, and 3 rounds, unless told).
#![expect(clippy::print_stdout, reason = "it prints a table")]

use harness_proxy::{Direction, Effect, Link, Toxic};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

const CONNECTIONS: [usize; 3] = [1, 64, 512];
/// How long each load is kept up before it is measured, and while it is.
const WARM_UP: Duration = Duration::from_millis(500);
const SLICE: Duration = Duration::from_secs(3);
const VALUE: [u8; 100] = [b'v'; 100];

/// A program that ends with this.
struct Process(Child);

impl Process {
    async fn start(command: &mut Command, at: SocketAddr) -> Result<Self, Failure> {
        let mut process = Self(command.stdout(Stdio::null()).spawn()?);
        while TcpStream::connect(at).await.is_err() {
            if let Some(status) = process.0.try_wait()? {
                return Err(format!("{:?} has ended: {status}", command.get_program()).into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.0.kill().and_then(|()| self.0.wait()).is_err() {
            println!("process {} may still be there", self.0.id());
        }
    }
}

async fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}

async fn redis() -> Result<(Process, SocketAddr), Failure> {
    let at = free_address().await?;
    let mut command = Command::new("redis-server");
    command.args(["--port", &at.port().to_string(), "--bind", "127.0.0.1", "--save", ""]);
    Ok((Process::start(&mut command, at).await?, at))
}

async fn delayed(to: SocketAddr, one_way: Duration) -> Result<Link, Failure> {
    let link = Link::open(to, 1).await?;
    for (name, direction) in [("there", Direction::Requests), ("back", Direction::Replies)] {
        let effect = Effect::Latency { latency: one_way, jitter: Duration::ZERO };
        link.add(Toxic { name: name.to_owned(), direction, toxicity: 1.0, effect })?;
    }
    Ok(link)
}

async fn service(gryadka: &str, links: &[Link]) -> Result<(Process, SocketAddr), Failure> {
    let at = free_address().await?;
    let urls: Vec<_> = links.iter().map(|link| format!("redis://{}", link.address())).collect();
    let mut command = Command::new(gryadka);
    command.args(["serve", "--init", "--timeout", "10s", "--acceptors", &urls.join(",")]);
    command.args(["--listen", &at.to_string()]).stderr(Stdio::null());
    Ok((Process::start(&mut command, at).await?, at))
}

/// One connection to the service.
struct Client {
    stream: BufReader<TcpStream>,
    put: Vec<u8>,
    get: Vec<u8>,
}

impl Client {
    async fn connect(at: SocketAddr, key: usize) -> Result<Self, Failure> {
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        let length = VALUE.len();
        let put =
            format!("PUT /v1/kv/{key} HTTP/1.1\r\nHost: {at}\r\nContent-Length: {length}\r\n\r\n");
        let get = format!("GET /v1/kv/{key} HTTP/1.1\r\nHost: {at}\r\n\r\n").into_bytes();
        let put = [put.as_bytes(), &VALUE].concat();
        Ok(Self { stream: BufReader::new(stream), put, get })
    }

    /// Writes or reads the key, and says how long that took.
    async fn ask(&mut self, write: bool) -> Result<Duration, Failure> {
        let asked = Instant::now();
        self.stream.write_all(if write { &self.put } else { &self.get }).await?;
        let (mut line, mut body) = (String::new(), 0);
        self.stream.read_line(&mut line).await?;
        if !line.starts_with("HTTP/1.1 20") {
            return Err(format!("the service answers {line:?}").into());
        }
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line).await?;
            line.make_ascii_lowercase();
            if let Some(length) = line.strip_prefix("content-length:") {
                body = length.trim().parse()?;
            }
        }
        self.stream.read_exact(&mut vec![0; body]).await?;
        Ok(asked.elapsed())
    }
}

/// So many clients, each of which has written its key.
async fn connected(at: SocketAddr, many: usize) -> Result<Vec<Client>, Failure> {
    let connecting = (0..many).map(|key| async move {
        let mut client = Client::connect(at, key).await?;
        client.ask(true).await?;
        Ok::<_, Failure>(client)
    });
    let clients = connecting.collect::<JoinSet<_>>().join_all().await;
    clients.into_iter().collect()
}

/// The times of one client's calls while the load was measured.
async fn one_loop(
    mut client: Client,
    write: bool,
    (begin, end): (Instant, Instant),
) -> Result<(Client, Vec<Duration>), Failure> {
    let mut times = Vec::new();
    while Instant::now() < end {
        let took = client.ask(write).await?;
        if (begin..end).contains(&Instant::now()) {
            times.push(took);
        }
    }
    Ok((client, times))
}

/// What all clients together saw.
struct Seen {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

async fn load(clients: &mut Vec<Client>, write: bool) -> Result<Seen, Failure> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + SLICE;
    let mut loops: JoinSet<_> =
        clients.drain(..).map(|client| one_loop(client, write, (begin, end))).collect();
    let mut times = Vec::new();
    while let Some(ended) = loops.join_next().await {
        let (client, seen) = ended??;
        clients.push(client);
        times.extend(seen);
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    let per_second = times.len() as f64 / SLICE.as_secs_f64();
    Ok(Seen { per_second, p50: at(50), p99: at(99) })
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let gryadka = words.next().ok_or("where is the program? GRYADKA [ONE_WAY_MS] [ROUNDS]")?;
    let one_way = words.next().map_or(Ok(25), |ms| ms.parse()).map(Duration::from_millis)?;
    let rounds = words.next().map_or(Ok(3), |rounds| rounds.parse())?;
    let (mut servers, mut links) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (server, at) = redis().await?;
        servers.push(server);
        links.push(delayed(at, one_way).await?);
    }
    let (_service, at) = service(&gryadka, &links).await?;
    let round_trip = 2 * one_way;
    println!("round trip {round_trip:.0?}; values of {} bytes; slices of {SLICE:?}", VALUE.len());
    for round in 1..=rounds {
        for connections in CONNECTIONS {
            let mut clients = connected(at, connections).await?;
            for (what, write) in [("changes", true), ("reads", false)] {
                let Seen { per_second, p50, p99 } = load(&mut clients, write).await?;
                let ratio = p50.as_secs_f64() / round_trip.as_secs_f64();
                println!(
                    "round {round}: {what:7} at {connections:3} connections: {per_second:6.0} a second, \
                     p50 {p50:.1?} ({ratio:.3} × the round trip), p99 {p99:.1?}"
                );
            }
        }
    }
    Ok(())
}
