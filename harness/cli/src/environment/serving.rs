//! A proposer that is a service, in a process or in a container: how it is started, and whether it
//! answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use workloads::Span;

/// How long a proposer that is asked to end may finish what is under way.
const GRACE: &str = "2s";
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// An acceptor's own address, and where a proposer has to go instead: `redis://host:port` both.
pub(crate) type Way = (String, String);

/// The arguments with which the harness's own executable is such a service. It finds its acceptors by
/// `ways`, and collects tombstones as often as `collect` says: 0 for never.
pub(super) fn arguments(listen: &str, ways: &[Way], collect: Span) -> Vec<String> {
    let acceptors: Vec<_> = ways.iter().map(|(url, _)| url.as_str()).collect();
    let mut words = ["gryadka", "serve", "--listen", listen].map(String::from).to_vec();
    words.extend([String::from("--acceptors"), acceptors.join(",")]);
    words.extend([String::from("--collect-every"), format!("{}ms", collect.as_millis())]);
    words.extend(["--shutdown-grace", GRACE].map(String::from));
    for (from, to) in ways {
        words.extend([String::from("--route"), format!("{from}={to}")]);
    }
    words
}

/// Whether a service answers that path with 204.
pub(super) async fn well(address: SocketAddr, path: &str) -> bool {
    let answer = timeout(ANSWER, get(&address.to_string(), path)).await;
    matches!(answer, Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 204"))
}

/// All that a service at `host:port` answers to a GET.
pub(super) async fn get(place: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(place).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
