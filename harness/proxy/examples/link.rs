//! A link to try out by hand: `cargo run --release -p harness-proxy --example link -- 127.0.0.1:6379`
//! opens one and says where it listens. Then type conditions: `clear`, `cut`, `blackhole`,
//! `requests`, `replies`, `latency MS JITTER_MS`, `loss PROBABILITY`; an empty line shows the traffic.
#![expect(clippy::print_stdout, reason = "it talks to the person who tries it out")]

use harness_proxy::{Condition, Direction, Link};
use std::error::Error;
use std::time::Duration;

fn condition(line: &str) -> Option<Condition> {
    let ms = |text: &str| text.parse().ok().map(Duration::from_millis);
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["clear"] => Some(Condition::Clear),
        ["cut"] => Some(Condition::Cut),
        ["blackhole"] => Some(Condition::Blackhole),
        ["requests"] => Some(Condition::OneWay(Direction::Requests)),
        ["replies"] => Some(Condition::OneWay(Direction::Replies)),
        ["latency", latency, jitter] => {
            Some(Condition::Latency { latency: ms(latency)?, jitter: ms(jitter)? })
        }
        ["loss", probability] => Some(Condition::Loss { probability: probability.parse().ok()? }),
        _ => None,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = std::env::args().nth(1).ok_or("which server? HOST:PORT")?.parse()?;
    let link = Link::open(upstream, 1).await?;
    println!("{} → {upstream}", link.address());
    // Lines are read on the main thread; the link lives on the runtime's workers.
    for line in std::io::stdin().lines() {
        let line = line?;
        match condition(&line) {
            Some(condition) => match link.set(condition) {
                Ok(()) => println!("{condition:?}"),
                Err(error) => println!("{error}"),
            },
            None if line.is_empty() => println!("{:#?}", link.traffic()),
            None => println!("not a condition: {line}"),
        }
    }
    Ok(())
}
