//! `gryadka ready`: a health check for containers without a shell or `curl`.

use crate::args::ReadyArgs;
use crate::exit::{CommandOutcome, Failure};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The path where none is given.
const PATH: &str = "readyz";
/// The beginning of the answer of a service that is ready: any status of the 200s.
const READY: &str = "HTTP/1.1 2";
/// How much of an answer is read: its first line and more.
const READ_LIMIT_BYTES: u64 = 64 << 10;

pub(crate) async fn ready(args: &ReadyArgs) -> Result<CommandOutcome, Failure> {
    let (address, path) = args.address.split_once('/').unwrap_or((&args.address, PATH));
    let not_ready =
        |reason: &str| Failure::NotReady { address: address.to_owned(), reason: reason.to_owned() };
    let answer = match tokio::time::timeout(args.timeout, ask(address, path)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(not_ready(&error.to_string())),
        Err(_) => return Err(not_ready("no answer in time")),
    };
    if answer.starts_with(READY) {
        return Ok(CommandOutcome::Done);
    }
    Err(not_ready(answer.lines().next().unwrap_or("it closed the connection without an answer")))
}

async fn ask(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(READ_LIMIT_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
