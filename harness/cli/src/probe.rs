//! Looks at a link or a server from where a client stands: asks and sees what comes of it.
//!
//! | question | file |
//! |---|---|
//! | does a server answer, refuse, fall silent? | here |
//! | what becomes of many questions on one connection? | `probe/burst.rs` |
//! | are writes taken, and is a service alive? | `probe/service.rs` |

mod burst;
mod service;

pub(crate) use burst::{Burst, PING_BYTES, PONG_BYTES};
pub(crate) use service::{Written, has_heard, is_alive, write};

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

impl Seen {
    pub(crate) const fn is_answer(self) -> bool {
        matches!(self, Self::Answered(_))
    }
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
    /// Connects, and asks nothing yet. Says what came of it when there is no connection.
    pub(crate) async fn connect(address: SocketAddr, patience: Duration) -> Result<Self, Seen> {
        match timeout(patience, TcpStream::connect(address)).await {
            Err(_) => Err(Seen::Silent),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Seen::Refused),
            Ok(Err(_)) => Err(Seen::Torn),
            Ok(Ok(stream)) => {
                // A question is not to wait for others; that it cannot be told so harms nobody.
                drop(stream.set_nodelay(true));
                Ok(Self(stream))
            }
        }
    }

    /// Connects and asks once.
    pub(crate) async fn open(address: SocketAddr, patience: Duration) -> (Option<Self>, Seen) {
        match Self::connect(address, patience).await {
            Err(seen) => (None, seen),
            Ok(mut line) => {
                let seen = line.ask(patience).await;
                (Some(line), seen)
            }
        }
    }

    /// Asks once more. After [`Seen::Silent`] an answer may still be on its way, so the line is of
    /// no use for another question, but for [`Self::late_answer`].
    pub(crate) async fn ask(&mut self, patience: Duration) -> Seen {
        let began = Instant::now();
        let asking = async {
            self.0.write_all(PING).await?;
            self.hear().await
        };
        match timeout(patience, asking).await {
            Err(_) => Seen::Silent,
            Ok(Err(_)) => Seen::Torn,
            Ok(Ok(())) => Seen::Answered(began.elapsed()),
        }
    }

    /// Waits for one more answer, to a question that was asked before.
    pub(crate) async fn late_answer(&mut self, patience: Duration) -> Seen {
        let began = Instant::now();
        match timeout(patience, self.hear()).await {
            Err(_) => Seen::Silent,
            Ok(Err(_)) => Seen::Torn,
            Ok(Ok(())) => Seen::Answered(began.elapsed()),
        }
    }

    async fn hear(&mut self) -> io::Result<()> {
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
    Line::open(address, PATIENCE).await.1.is_answer()
}
