//! Looks at a link or a server from where a client stands: asks PING and sees what comes of it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Both kinds of acceptor answer this, and change nothing by it.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
const PONG: &[u8] = b"+PONG\r\n";

/// After this long without an answer, whoever is asked counts as silent.
pub(crate) const PATIENCE: Duration = Duration::from_millis(300);

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An answer, after this long.
    Answered(Duration),
    /// No connection could be made: it was refused.
    Refused,
    /// The connection was reset or closed.
    Torn,
    /// Neither an answer nor an end within [`PATIENCE`], or the longer time that was given.
    Silent,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(after) => {
                write!(f, "answered after {:.1} ms", after.as_secs_f64() * 1e3)
            }
            Self::Refused => f.write_str("refused"),
            Self::Torn => f.write_str("torn"),
            Self::Silent => f.write_str("silent"),
        }
    }
}

/// A connection to ask on.
pub(crate) struct Line(TcpStream);

impl Line {
    /// Connects and asks once.
    pub(crate) async fn open(address: SocketAddr, patience: Duration) -> (Option<Self>, Seen) {
        let connecting = timeout(patience, TcpStream::connect(address)).await;
        match connecting {
            Err(_) => (None, Seen::Silent),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => (None, Seen::Refused),
            Ok(Err(_)) => (None, Seen::Torn),
            Ok(Ok(stream)) => {
                let mut line = Self(stream);
                let seen = line.ask(patience).await;
                (Some(line), seen)
            }
        }
    }

    /// Asks once more. After [`Seen::Silent`] an answer may still be on its way, so the line is of
    /// no use for another question.
    pub(crate) async fn ask(&mut self, patience: Duration) -> Seen {
        let began = Instant::now();
        match timeout(patience, self.exchange()).await {
            Err(_) => Seen::Silent,
            Ok(Err(_)) => Seen::Torn,
            Ok(Ok(())) => Seen::Answered(began.elapsed()),
        }
    }

    async fn exchange(&mut self) -> io::Result<()> {
        self.0.write_all(PING).await?;
        let mut answer = [0; PONG.len()];
        self.0.read_exact(&mut answer).await?;
        if answer == PONG { Ok(()) } else { Err(ErrorKind::InvalidData.into()) }
    }
}

/// The process that serves a Redis address, as the server itself names it.
pub(crate) async fn process_id(address: SocketAddr) -> Option<u32> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n").await?;
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(pid) = line.strip_prefix("process_id:") {
                return Ok(pid.trim().parse().ok());
            }
        }
        io::Result::Ok(None)
    };
    timeout(PATIENCE, asking).await.ok()?.ok()?
}

/// Whether a server answers a new connection.
pub(crate) async fn answers(address: SocketAddr) -> bool {
    matches!(Line::open(address, PATIENCE).await.1, Seen::Answered(_))
}
