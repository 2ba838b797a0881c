//! A link to try out by hand: `cargo run --release -p harness-proxy --example link -- 127.0.0.1:6379`
//! opens one and says where it listens. Then type `add NAME requests|replies EFFECT`,
//! `update NAME requests|replies EFFECT`, `remove NAME`, `clear`, `disable` or `enable`; an empty
//! line shows toxics and traffic. An EFFECT is `noop`, `latency MS JITTER_MS`, `bandwidth KB_PER_S`,
//! `slow_close MS`, `timeout MS`, `reset_peer MS`, `slicer SIZE VARIATION US`, `limit_data BYTES`,
//! `blackhole`, `loss P`, `drop P usable|unusable` or `corrupt P`.
#![expect(clippy::print_stdout, reason = "it talks to the person who tries it out")]

use harness_proxy::{Direction, Effect, Link, Toxic};
use std::error::Error;
use std::time::Duration;

fn effect(words: &[&str]) -> Result<Effect, Box<dyn Error>> {
    let ms = |text: &str| text.parse().map(Duration::from_millis);
    Ok(match *words {
        ["noop"] => Effect::Noop,
        ["latency", latency, jitter] => {
            Effect::Latency { latency: ms(latency)?, jitter: ms(jitter)? }
        }
        ["bandwidth", rate] => Effect::Bandwidth { rate: rate.parse()? },
        ["slow_close", delay] => Effect::SlowClose { delay: ms(delay)? },
        ["timeout", timeout] => Effect::Timeout { timeout: ms(timeout)? },
        ["reset_peer", timeout] => Effect::ResetPeer { timeout: ms(timeout)? },
        ["slicer", size, variation, pause] => Effect::Slicer {
            average_size: size.parse()?,
            size_variation: variation.parse()?,
            delay: Duration::from_micros(pause.parse()?),
        },
        ["limit_data", bytes] => Effect::LimitData { bytes: bytes.parse()? },
        ["blackhole"] => Effect::Blackhole,
        ["loss", probability] => Effect::Loss { probability: probability.parse()? },
        ["drop", probability, usable @ ("usable" | "unusable")] => {
            Effect::Drop { probability: probability.parse()?, usable: usable == "usable" }
        }
        ["corrupt", probability] => Effect::Corrupt { probability: probability.parse()? },
        _ => return Err("not an effect".into()),
    })
}

fn toxic(name: &str, direction: &str, words: &[&str]) -> Result<Toxic, Box<dyn Error>> {
    let direction = match direction {
        "requests" => Direction::Requests,
        "replies" => Direction::Replies,
        _ => return Err("which direction? requests or replies".into()),
    };
    Ok(Toxic { name: name.to_owned(), direction, toxicity: 1.0, effect: effect(words)? })
}

fn obey(link: &Link, line: &str) -> Result<(), Box<dyn Error>> {
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["add", name, direction, ref words @ ..] => link.add(toxic(name, direction, words)?)?,
        ["update", name, direction, ref words @ ..] => {
            link.update(toxic(name, direction, words)?)?
        }
        ["remove", name] => println!("{:?}", link.remove(name)?),
        ["clear"] => link.clear(),
        ["disable"] => link.disable(),
        ["enable"] => link.enable()?,
        [] => println!("{:#?}\n{:#?}", link.toxics(), link.traffic()),
        _ => return Err("add, update, remove, clear, disable or enable?".into()),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = std::env::args().nth(1).ok_or("which server? HOST:PORT")?.parse()?;
    let link = Link::open(upstream, 1).await?;
    println!("{} → {upstream}", link.address());
    // Lines are read on the main thread; the link lives on the runtime's workers.
    for line in std::io::stdin().lines() {
        if let Err(error) = obey(&link, &line?) {
            println!("{error}");
        }
    }
    Ok(())
}
