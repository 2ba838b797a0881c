//! What a clear link costs: round trips of 64 bytes to an echo server, directly and across a link,
//! and the delay that a latency of 20 ms really adds.
//! `cargo run --release -p harness-proxy --example overhead`
#![expect(clippy::print_stdout, reason = "it prints a table")]

use harness_proxy::{Condition, Link};
use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const MESSAGE: usize = 64;

async fn echo_server() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                let (mut source, mut sink) = stream.split();
                copy(&mut source, &mut sink).await
            });
        }
    });
    Ok(address)
}

/// The times of all round trips of one client.
async fn round_trips(address: SocketAddr, span: Duration) -> std::io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut message = [7; MESSAGE];
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < span {
        let asked = Instant::now();
        stream.write_all(&message).await?;
        stream.read_exact(&mut message).await?;
        times.push(asked.elapsed());
    }
    Ok(times)
}

async fn measure(
    name: &str,
    address: SocketAddr,
    clients: usize,
    span: Duration,
) -> Result<(), Box<dyn Error>> {
    let mut tasks: JoinSet<_> = (0..clients).map(|_| round_trips(address, span)).collect();
    let mut times = Vec::new();
    while let Some(one) = tasks.join_next().await {
        times.extend(one??);
    }
    times.sort_unstable();
    let per_second = times.len() as f64 / span.as_secs_f64();
    let at = |share: usize| times[times.len() * share / 100];
    println!(
        "{name:<16} {clients:>3} clients {per_second:>9.0}/s  p50 {:>9.1?}  p99 {:>9.1?}",
        at(50),
        at(99)
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = echo_server().await?;
    let link = Link::open(server, 1).await?;
    let span = Duration::from_secs(2);
    for clients in [1, 50] {
        for _ in 0..2 {
            measure("direct", server, clients, span).await?;
            measure("clear link", link.address(), clients, span).await?;
        }
    }
    let latency = Duration::from_millis(20);
    link.set(Condition::Latency { latency, jitter: Duration::ZERO })?;
    measure("latency 20 ms", link.address(), 1, span).await?;
    measure("latency 20 ms", link.address(), 50, span).await?;
    Ok(())
}
