//! Whether a Redis server takes writes, what it has heard of, and whether a service is alive.

use super::{Line, PATIENCE, Seen};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// A key that no acceptor counts as its own.
const KEY: &str = "harness-probe";
/// The longest answer that is looked at.
const ANSWER_MAX: u64 = 1 << 20;

/// What a server said to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was done.
    Taken,
    /// It was refused, in these words.
    Refused(String),
    /// There was no answer, for this reason.
    Not(Seen),
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("taken"),
            Self::Refused(words) => write!(f, "refused: {words}"),
            Self::Not(seen) => write!(f, "not answered: {seen}"),
        }
    }
}

/// Writes a key of the probe's own to a Redis server, and removes it again.
pub(crate) async fn write(address: SocketAddr, patience: Duration) -> Written {
    let line = match Line::connect(address, patience).await {
        Ok(line) => line,
        Err(seen) => return Written::Not(seen),
    };
    let mut stream = BufReader::new(line.0);
    let writing = async {
        let set = tell(&mut stream, &["SET", KEY, "1"]).await?;
        if set.starts_with('+') {
            tell(&mut stream, &["DEL", KEY]).await?;
        }
        io::Result::Ok(set)
    };
    match timeout(patience, writing).await {
        Err(_) => Written::Not(Seen::Silent),
        Ok(Err(_)) => Written::Not(Seen::Torn),
        Ok(Ok(said)) => match said.strip_prefix('-') {
            None => Written::Taken,
            Some(words) => Written::Refused(words.to_owned()),
        },
    }
}

async fn tell(stream: &mut BufReader<TcpStream>, words: &[&str]) -> io::Result<String> {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.get_mut().write_all(command.as_bytes()).await?;
    let mut said = String::new();
    match stream.take(ANSWER_MAX).read_line(&mut said).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(said.trim_end().to_owned()),
    }
}

/// Whether a Redis server hears what is said on a link, asked past it: a client gives itself a name
/// there, and is looked for among the server's clients. `None` when the server does not tell.
pub(crate) async fn has_heard(link: SocketAddr, server: SocketAddr, name: &str) -> Option<bool> {
    let naming = async {
        let mut stream = BufReader::new(TcpStream::connect(link).await?);
        // Whether the answer comes back is not the question.
        drop(timeout(PATIENCE, tell(&mut stream, &["CLIENT", "SETNAME", name])).await);
        let mut console = BufReader::new(TcpStream::connect(server).await?);
        let header = tell(&mut console, &["CLIENT", "LIST"]).await?;
        let length = header.strip_prefix('$').and_then(|length| length.parse::<usize>().ok());
        let Some(length) = length.filter(|length| *length as u64 <= ANSWER_MAX) else {
            return io::Result::Ok(None);
        };
        let mut list = vec![0; length];
        console.read_exact(&mut list).await?;
        let list = String::from_utf8_lossy(&list);
        Ok(Some(list.split_whitespace().any(|word| word == format!("name={name}"))))
    };
    timeout(PATIENCE * 4, naming).await.ok()?.ok()?
}

/// Whether a service, at `http://host:port`, says over HTTP that it lives.
pub(crate) async fn is_alive(url: &str, patience: Duration) -> Seen {
    let place = url.trim_start_matches("http://").trim_end_matches('/');
    let began = Instant::now();
    let asking = async {
        let mut stream = TcpStream::connect(place).await?;
        let request =
            format!("GET /healthz HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(stream).take(ANSWER_MAX).read_line(&mut line).await?;
        let good = line.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
        if good { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    };
    let answered: Result<io::Result<()>, _> = timeout(patience, asking).await;
    match answered {
        Err(_) => Seen::Silent,
        Ok(Ok(())) => Seen::Answered(began.elapsed()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Seen::Refused,
        Ok(Err(_)) => Seen::Torn,
    }
}
