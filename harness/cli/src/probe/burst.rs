//! Many questions at once on one connection: how long they take, and how far they get.

use super::{Line, PING, PONG};
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// The bytes of a question.
pub(crate) const PING_BYTES: usize = PING.len();
/// The bytes of an answer.
pub(crate) const PONG_BYTES: usize = PONG.len();

/// What came of a burst of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Burst {
    /// How long it took until the last answer, the end of the connection, or of patience.
    pub(crate) after: Duration,
    /// Bytes of answers that came.
    pub(crate) bytes: usize,
    /// Whether every question was answered.
    pub(crate) whole: bool,
    /// Whether the connection ended.
    pub(crate) torn: bool,
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (after, bytes) = (self.after.as_millis(), self.bytes);
        match (self.whole, self.torn) {
            (true, _) => write!(f, "was answered after {after} ms"),
            (false, true) => write!(f, "was torn after {bytes} bytes of answers"),
            (false, false) => write!(f, "was silent after {bytes} bytes of answers"),
        }
    }
}

impl Line {
    /// Asks `questions` times without waiting in between, and reads what comes.
    pub(crate) async fn burst(&mut self, questions: usize, patience: Duration) -> Burst {
        let (began, expected) = (Instant::now(), questions * PONG_BYTES);
        let until = began + patience;
        let (mut reader, mut writer) = self.0.split();
        let mut bytes = 0;
        let reading = async {
            let mut buffer = vec![0; 16 * 1024];
            while bytes < expected {
                match reader.read(&mut buffer).await? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => bytes += read,
                }
            }
            Ok(())
        };
        let writing = async { writer.write_all(&PING.repeat(questions)).await };
        // Answers are read while questions are still on their way, or neither would get on. And
        // they are read to the end when no more questions are taken.
        let both = async {
            tokio::pin!(reading);
            tokio::select! {
                read = &mut reading => read,
                written = writing => match written {
                    Ok(()) | Err(_) => reading.await,
                },
            }
        };
        let ended: Result<io::Result<()>, _> = timeout_at(until, both).await;
        let (whole, torn) = (matches!(ended, Ok(Ok(()))), matches!(ended, Ok(Err(_))));
        Burst { after: began.elapsed(), bytes, whole, torn }
    }

    /// Asks once and waits for the end of the connection, whatever else comes. Answers after how long
    /// it came, if it did.
    pub(crate) async fn ends_within(&mut self, patience: Duration) -> Option<Duration> {
        let began = Instant::now();
        let ending = async {
            if self.0.write_all(PING).await.is_ok() {
                let mut buffer = [0; 64];
                while self.0.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
            }
        };
        let ended = timeout_at(began + patience, ending).await.is_ok();
        ended.then(|| began.elapsed())
    }
}
