//! What a link carries: the time that a stream takes directly, across a link without toxics, and
//! across links with a latency, each way with a receiver that says when it has all. A delayed link must
//! still carry 100 MB a second.
//! `cargo run --release -p harness-proxy --example throughput -- [MEGABYTES]` (200 unless told)
#![expect(clippy::print_stdout, reason = "it prints a table")]

use harness_proxy::{Direction, Effect, Link, Toxic};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn Error + Send + Sync>;

/// How much is written and read at a time.
const BLOCK: usize = 64 * 1024;

/// A server that reads as many bytes as it is told, says so, and goes on.
async fn server() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut block = vec![0; BLOCK];
                loop {
                    let mut left = stream.read_u64().await?;
                    while left > 0 {
                        let read = stream.read(&mut block).await? as u64;
                        if read == 0 {
                            return Ok::<_, std::io::Error>(());
                        }
                        left = left.saturating_sub(read);
                    }
                    stream.write_u8(1).await?;
                }
            });
        }
    });
    Ok(address)
}

/// How long it takes until the receiver of so many bytes says that it has them.
async fn sent(at: SocketAddr, bytes: usize) -> std::io::Result<Duration> {
    let mut stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let block = vec![7; BLOCK];
    let began = Instant::now();
    stream.write_u64(bytes as u64).await?;
    let mut left = bytes;
    while left > 0 {
        let size = left.min(BLOCK);
        stream.write_all(&block[..size]).await?;
        left -= size;
    }
    stream.read_u8().await?;
    Ok(began.elapsed())
}

async fn show(name: &str, at: SocketAddr, megabytes: usize) -> Result<(), Failure> {
    let mut times = Vec::new();
    for _ in 0..3 {
        times.push(sent(at, megabytes * 1_000_000).await?);
    }
    times.sort_unstable();
    let rate = megabytes * 1000 / usize::try_from(times[1].as_millis().max(1))?;
    println!("{name}: {megabytes} MB in {:.2?}, {rate} MB/s", times[1]);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let megabytes = std::env::args().nth(1).map_or(Ok(200), |megabytes| megabytes.parse())?;
    let server = server().await?;
    show("direct", server, megabytes).await?;
    let link = Link::open(server, 1).await?;
    show("link", link.address(), megabytes).await?;
    for (latency, jitter) in [(1, 0), (20, 0), (100, 0), (100, 50), (300, 0)] {
        let effect = Effect::Latency {
            latency: Duration::from_millis(latency),
            jitter: Duration::from_millis(jitter),
        };
        let (name, direction) = (String::from("late"), Direction::Requests);
        link.add(Toxic { name, direction, toxicity: 1.0, effect })?;
        let name = format!("latency {latency} ms ± {jitter} ms");
        show(&format!("{name}, 5 MB at once"), link.address(), 5).await?;
        show(&name, link.address(), megabytes).await?;
        link.remove("late")?;
    }
    Ok(())
}
