//! `gryadka ready`: what a container's health check runs, where there is no shell and no `curl`.

use crate::args::ReadyArgs;
use crate::exit::{End, Failure};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
/// How a service's answer begins when a quorum answers it.
const READY: &str = "HTTP/1.1 204";
/// How much of an answer is read: its first line and more.
const ENOUGH: u64 = 64 << 10;

pub(crate) async fn ready(args: &ReadyArgs) -> Result<End, Failure> {
    let answer = match tokio::time::timeout(args.timeout, ask(args)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(not_ready(args, &error.to_string())),
        Err(_) => return Err(not_ready(args, "no answer in time")),
    };
    if answer.starts_with(READY) {
        return Ok(End::Done);
    }
    Err(not_ready(args, answer.lines().next().unwrap_or("it answers nothing")))
}

async fn ask(args: &ReadyArgs) -> io::Result<String> {
    let mut stream = TcpStream::connect(args.address).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(ENOUGH).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn not_ready(args: &ReadyArgs, why: &str) -> Failure {
    Failure::NotReady { address: args.address, why: why.to_owned() }
}
