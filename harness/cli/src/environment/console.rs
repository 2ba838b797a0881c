//! Speaks to a Redis server as whoever runs it does: past all links, and past the store's own client.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest text, and the longest list, that is read.
const LONGEST: usize = 64 << 20;

/// Why a server did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConsoleError {
    /// It could not be reached, or the connection broke.
    #[error("{address} cannot be spoken to: {source}")]
    Io {
        /// The server's address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// It said no.
    #[error("{address} refused {command}: {answer}")]
    Refused {
        /// The server's address.
        address: SocketAddr,
        /// The command's first words.
        command: String,
        /// What it said.
        answer: String,
    },
}

/// What a server answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// A status or a text.
    Text(Vec<u8>),
    /// A whole number.
    Number(i64),
    /// An error.
    Error(String),
    /// That there is nothing.
    Nothing,
    /// Several answers.
    List(Vec<Self>),
}

/// A connection of one's own.
pub(super) struct Console {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Console {
    pub(super) async fn open(address: SocketAddr) -> Result<Self, ConsoleError> {
        let connecting = patiently(async { TcpStream::connect(address).await });
        let stream = connecting.await.map_err(|source| ConsoleError::Io { address, source })?;
        Ok(Self { address, stream: BufReader::new(stream) })
    }

    /// Tells the server a command, and waits for what it answers. An error that it answers with is
    /// an error.
    pub(super) async fn tell(&mut self, command: &[&[u8]]) -> Result<Said, ConsoleError> {
        self.send(command).await?;
        let said = self.hear().await?;
        let Said::Error(answer) = said else { return Ok(said) };
        let words = command.iter().take(2).map(|word| String::from_utf8_lossy(word));
        let command = words.collect::<Vec<_>>().join(" ");
        Err(ConsoleError::Refused { address: self.address, command, answer })
    }

    /// Sends a command without waiting for its answer.
    pub(super) async fn send(&mut self, command: &[&[u8]]) -> Result<(), ConsoleError> {
        let address = self.address;
        let text = framed(command);
        let sending = patiently(async { self.stream.get_mut().write_all(&text).await });
        sending.await.map_err(|source| ConsoleError::Io { address, source })
    }

    /// Waits for the next answer.
    pub(super) async fn hear(&mut self) -> Result<Said, ConsoleError> {
        let address = self.address;
        let hearing = patiently(hear(&mut self.stream));
        hearing.await.map_err(|source| ConsoleError::Io { address, source })
    }

    /// What a setting is at present.
    pub(super) async fn setting(&mut self, name: &str) -> Result<Vec<u8>, ConsoleError> {
        let said = self.tell(&[b"CONFIG", b"GET", name.as_bytes()]).await?;
        let Said::List(mut pair) = said else { return Err(self.strange()) };
        match (pair.pop(), pair.pop()) {
            (Some(Said::Text(value)), Some(_)) => Ok(value),
            _ => Err(self.strange()),
        }
    }

    /// Changes a setting of the running server.
    pub(super) async fn set(&mut self, name: &str, value: &[u8]) -> Result<(), ConsoleError> {
        self.tell(&[b"CONFIG", b"SET", name.as_bytes(), value]).await.map(drop)
    }

    fn strange(&self) -> ConsoleError {
        ConsoleError::Io { address: self.address, source: ErrorKind::InvalidData.into() }
    }
}

async fn patiently<T>(doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, doing).await.map_err(|_| io::Error::from(ErrorKind::TimedOut))?
}

/// A command as it goes over the wire.
fn framed(command: &[&[u8]]) -> Vec<u8> {
    let mut text = format!("*{}\r\n", command.len()).into_bytes();
    for word in command {
        text.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        text.extend_from_slice(word);
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// One answer: all those within it first, which are never deep.
async fn hear(stream: &mut BufReader<TcpStream>) -> io::Result<Said> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await?;
    let line = line.strip_suffix(b"\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let (kind, rest) = line.split_first().ok_or(ErrorKind::InvalidData)?;
    let text = || String::from_utf8_lossy(rest).into_owned();
    let number = || text().parse::<i64>().map_err(|_| io::Error::from(ErrorKind::InvalidData));
    match kind {
        b'+' => Ok(Said::Text(rest.to_vec())),
        b'-' => Ok(Said::Error(text())),
        b':' => Ok(Said::Number(number()?)),
        b'$' | b'*' => {
            let Ok(length) = usize::try_from(number()?) else { return Ok(Said::Nothing) };
            if length > LONGEST {
                return Err(ErrorKind::InvalidData.into());
            }
            if *kind == b'*' {
                let mut list = Vec::new();
                for _ in 0..length {
                    list.push(Box::pin(hear(stream)).await?);
                }
                return Ok(Said::List(list));
            }
            let mut text = vec![0; length + 2];
            stream.read_exact(&mut text).await?;
            text.truncate(length);
            Ok(Said::Text(text))
        }
        _ => Err(ErrorKind::InvalidData.into()),
    }
}
