//! Bodies of requests: read whole, within a budget of bytes that all of them share.
//!
//! A body counts from its first byte until its request is answered. When the budget is used up, clients
//! that send slowly are given up first: they must not keep others out.

use super::problem::Problem;
use axum::body::{Body, HttpBody};
use gryadka::Bytes;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// A client that takes longer than this for [`PACE_BYTES`] is slow.
const PACE_TIME: Duration = Duration::from_secs(1);
/// 64 KiB a second: no network that a service is reached through is slower than half a megabit.
const PACE_BYTES: usize = 64 << 10;
/// How long a body waits for room that slow clients leave. They leave it at once.
const ROOM_TIMEOUT: Duration = Duration::from_millis(100);

/// The bodies that are in memory.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// The longest body, in bytes.
    longest: usize,
    /// How long a client may take to send one.
    timeout: Duration,
    /// The bytes that are left of the budget.
    room: Semaphore,
    /// Wakes the receivers of slow bodies when there is no room left.
    pressure: Notify,
}

/// A body that is there, and its share of the budget.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) bytes: Bytes,
    _room: SemaphorePermit<'a>,
}

impl Bodies {
    /// At most `budget` bytes at a time, or one body of the longest kind if that is more.
    pub(crate) fn new(budget: usize, longest: usize, timeout: Duration) -> Self {
        let room = Semaphore::new(budget.max(longest).min(Semaphore::MAX_PERMITS));
        Self { longest, timeout, room, pressure: Notify::new() }
    }

    /// The whole body.
    pub(crate) async fn receive(&self, body: Body) -> Result<Received<'_>, Problem> {
        // A body that is announced as too long need not be read.
        if body.size_hint().lower() > u64::try_from(self.longest).unwrap_or(u64::MAX) {
            return Err(Problem::TooLarge { limit: self.longest });
        }
        let received = tokio::time::timeout(self.timeout, self.collect(body)).await;
        received.unwrap_or(Err(Problem::BodyTimeout))
    }

    async fn collect(&self, mut body: Body) -> Result<Received<'_>, Problem> {
        // Copied out of the connection's read buffers, which would be kept alive with it.
        let mut bytes = Vec::new();
        let mut room = self.make_room(0).await?;
        let mut pace = Pace { mark: Instant::now(), since: 0 };
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = self.pressure.notified() => {
                    if pace.is_slow() {
                        return Err(Problem::BodyTimeout);
                    }
                    continue;
                }
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| Problem::BadBody(error.to_string()))?;
            // Trailers are not used.
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > self.longest - bytes.len() {
                return Err(Problem::TooLarge { limit: self.longest });
            }
            room.merge(self.make_room(data.len()).await?);
            bytes.extend_from_slice(&data);
            pace.note(data.len());
        }
        Ok(Received { bytes: bytes.into(), _room: room })
    }

    /// A share of the budget, at the cost of slow clients if need be.
    async fn make_room(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Problem> {
        let bytes = u32::try_from(bytes).map_err(|_| Problem::Overloaded)?;
        if let Ok(room) = self.room.try_acquire_many(bytes) {
            return Ok(room);
        }
        self.pressure.notify_waiters();
        let room = tokio::time::timeout(ROOM_TIMEOUT, self.room.acquire_many(bytes)).await;
        room.ok().and_then(Result::ok).ok_or(Problem::Overloaded)
    }
}

/// How fast a client sends.
struct Pace {
    /// When the client had last sent [`PACE_BYTES`] more, or began.
    mark: Instant,
    /// What it has sent since.
    since: usize,
}

impl Pace {
    fn note(&mut self, bytes: usize) {
        self.since += bytes;
        if self.since >= PACE_BYTES {
            *self = Self { mark: Instant::now(), since: 0 };
        }
    }

    fn is_slow(&self) -> bool {
        self.mark.elapsed() > PACE_TIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use std::convert::Infallible;
    use tokio::sync::mpsc;

    /// A body that is sent piece by piece, and the end from which it is sent.
    fn sent_by() -> (mpsc::UnboundedSender<&'static [u8]>, Body) {
        let (send, mut pieces) = mpsc::unbounded_channel::<&'static [u8]>();
        let frame = |piece| Ok::<_, Infallible>(Frame::data(Bytes::from_static(piece)));
        let stream = futures_util::stream::poll_fn(move |context| {
            pieces.poll_recv(context).map(|piece| piece.map(frame))
        });
        (send, Body::new(StreamBody::new(stream)))
    }

    fn bodies(budget: usize) -> Bodies {
        Bodies::new(budget, 10, Duration::from_secs(30))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_read_whole_and_not_longer_than_allowed() {
        let bodies = bodies(100);
        let (send, body) = sent_by();
        for piece in [&b"some"[..], b"thing"] {
            send.send(piece).unwrap();
        }
        drop(send);
        assert_eq!(bodies.receive(body).await.unwrap().bytes, "something");
        let (send, body) = sent_by();
        for piece in [&b"some"[..], b"thing", b"more"] {
            send.send(piece).unwrap();
        }
        assert_eq!(bodies.receive(body).await.unwrap_err(), Problem::TooLarge { limit: 10 });
        let (_send, body) = sent_by();
        assert_eq!(bodies.receive(body).await.unwrap_err(), Problem::BodyTimeout);
        assert_eq!(bodies.room.available_permits(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_has_no_room_is_refused_while_the_others_are_sent_fast() {
        let bodies = bodies(10);
        let first = bodies.receive(Body::from("nine long")).await.unwrap();
        assert_eq!(bodies.receive(Body::from("ab")).await.unwrap_err(), Problem::Overloaded);
        assert!(bodies.receive(Body::from("a")).await.is_ok());
        drop(first);
        assert!(bodies.receive(Body::from("ab")).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_sent_slowly_makes_room() {
        let bodies = bodies(10);
        let (send, body) = sent_by();
        send.send(b"nine long").unwrap();
        let slow = bodies.receive(body);
        let fast = async {
            tokio::time::sleep(PACE_TIME / 2).await;
            assert_eq!(bodies.receive(Body::from("ab")).await.unwrap_err(), Problem::Overloaded);
            tokio::time::sleep(PACE_TIME).await;
            bodies.receive(Body::from("ab")).await.map(|received| received.bytes)
        };
        let (slow, fast) = tokio::join!(slow, fast);
        assert_eq!(slow.map(|received| received.bytes), Err(Problem::BodyTimeout));
        assert_eq!(fast.unwrap(), "ab");
    }
}
