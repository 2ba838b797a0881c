//! What a link costs: `redis-benchmark` against a `redis-server` of the example's own, directly,
//! across a link without toxics, and across Tokio's `copy_bidirectional`, which can do nothing but
//! copy, side by side in every round; then the delay that a latency of
//! 20 ms really adds, and what a reader that never reads does to memory.
//! `cargo run --release -p harness-proxy --example overhead -- [ROUNDS]` (5 unless told)
#![expect(clippy::print_stdout, reason = "it prints a table")]

use harness_proxy::{Direction, Effect, HELD_MAX, Link, Toxic};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};

type Failure = Box<dyn Error + Send + Sync>;

/// A Redis that ends with this.
struct Redis {
    process: Child,
    address: SocketAddr,
}

impl Redis {
    async fn start() -> Result<Self, Failure> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?;
        let process = Command::new("redis-server")
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", ""])
            .stdout(Stdio::null())
            .spawn()?;
        let redis = Self { process, address };
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if self.process.kill().and_then(|()| self.process.wait()).is_err() {
            println!("the redis-server at {} may still be there", self.address);
        }
    }
}

/// One way of asking.
struct Load {
    name: &'static str,
    clients: usize,
    pipelined: usize,
    requests: usize,
}

const LOADS: [Load; 3] = [
    Load { name: "50 clients", clients: 50, pipelined: 1, requests: 60_000 },
    Load { name: "50 clients, 16 at a time", clients: 50, pipelined: 16, requests: 400_000 },
    Load { name: "a lone client", clients: 1, pipelined: 1, requests: 10_000 },
];

/// What came of it: requests a second, and the median of their times.
struct Outcome {
    rate: f64,
    p50_us: f64,
}

async fn benchmark(at: SocketAddr, load: &Load) -> Result<Outcome, Failure> {
    let (port, clients) = (at.port().to_string(), load.clients.to_string());
    let (pipelined, requests) = (load.pipelined.to_string(), load.requests.to_string());
    let output = spawn_blocking(move || {
        let mut command = Command::new("redis-benchmark");
        command.args(["--csv", "-t", "set", "-p", &port, "-c", &clients, "-P", &pipelined]);
        command.args(["-n", &requests]).output()
    })
    .await??;
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms",…
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find(|line| line.starts_with("\"SET\"")).ok_or("no line of SET")?;
    let field = |at: usize| -> Result<f64, Failure> {
        Ok(line.split(',').nth(at).ok_or("too few fields")?.trim_matches('"').parse()?)
    };
    Ok(Outcome { rate: field(1)?, p50_us: 1000.0 * field(4)? })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The least that a proxy can be.
async fn copying_proxy(upstream: SocketAddr) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(upstream).await?;
                client.set_nodelay(true)?;
                server.set_nodelay(true)?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    Ok(address)
}

/// What a proxy made of every round.
#[derive(Default)]
struct Proxied {
    ratios: Vec<f64>,
    added_us: Vec<f64>,
}

impl Proxied {
    fn note(&mut self, direct: &Outcome, proxied: &Outcome) {
        self.ratios.push(proxied.rate / direct.rate);
        self.added_us.push(proxied.p50_us - direct.p50_us);
    }

    fn show(self) -> String {
        let (ratio, added) = (median(self.ratios), median(self.added_us));
        format!("{ratio:.2} × direct, p50 {added:+.0} µs")
    }
}

async fn compare(redis: &Redis, link: &Link, rounds: usize) -> Result<(), Failure> {
    let copying = copying_proxy(redis.address).await?;
    for load in &LOADS {
        let (mut linked, mut copied) = (Proxied::default(), Proxied::default());
        let mut rates = Vec::new();
        for _ in 0..rounds {
            let direct = benchmark(redis.address, load).await?;
            linked.note(&direct, &benchmark(link.address(), load).await?);
            copied.note(&direct, &benchmark(copying, load).await?);
            rates.push(direct.rate);
        }
        let (rate, linked, copied) = (median(rates), linked.show(), copied.show());
        println!("{}: {rate:.0}/s direct; link {linked}; copying {copied}", load.name);
    }
    Ok(())
}

/// The times of a client's round trips.
async fn round_trips(at: SocketAddr, count: usize) -> std::io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    for _ in 0..count {
        let asked = Instant::now();
        stream.write_all(b"PING\r\n").await?;
        stream.read_exact(&mut [0; 7]).await?;
        times.push(asked.elapsed());
    }
    Ok(times)
}

async fn late(link: &Link, clients: usize) -> Result<(), Failure> {
    let mut tasks: JoinSet<_> = (0..clients).map(|_| round_trips(link.address(), 100)).collect();
    let mut times = Vec::new();
    while let Some(one) = tasks.join_next().await {
        times.extend(one??);
    }
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100];
    println!(
        "latency 20 ms, {clients:>2} clients: p1 {:.2?}  p50 {:.2?}  p99 {:.2?}",
        at(1),
        at(50),
        at(99)
    );
    Ok(())
}

/// This process's resident memory in KiB.
fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}

async fn flood(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let block = [7; 64 * 1024];
    loop {
        stream.write_all(&block).await?;
    }
}

/// Ten clients send without end to a server that never reads.
async fn unread() -> Result<(), Failure> {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let link = Link::open(server.local_addr()?, 1).await?;
    let before = resident()?;
    let mut floods: JoinSet<_> = (0..10).map(|_| flood(link.address())).collect();
    let mut unread = Vec::new();
    for _ in 0..10 {
        unread.push(server.accept().await?);
    }
    print!("10 readers that never read, {} KiB held each at most:", HELD_MAX / 1024);
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        print!("  {:+} KiB", resident()?.saturating_sub(before));
    }
    println!("  ({} KiB held in all)", link.traffic().held / 1024);
    floods.shutdown().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let rounds = std::env::args().nth(1).map_or(Ok(5), |rounds| rounds.parse())?;
    let redis = Redis::start().await?;
    let link = Link::open(redis.address, 1).await?;
    compare(&redis, &link, rounds).await?;
    let effect = Effect::Latency { latency: Duration::from_millis(20), jitter: Duration::ZERO };
    let (name, direction) = ("late".to_owned(), Direction::Replies);
    link.add(Toxic { name, direction, toxicity: 1.0, effect })?;
    late(&link, 1).await?;
    late(&link, 50).await?;
    unread().await
}
