//! One multiplexed connection to one server, made again when it breaks.

use crate::Lost;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError, ServerErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The waits between attempts to connect: the first, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));
/// After this long without a single reply, though some were waited for, the connection is taken
/// for dead: a machine that lost its power never says so.
const SILENCE: Duration = Duration::from_secs(5);

/// A server's address that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "{address:?} is not an address of a server: {source}; write redis://[user:password@]host:port"
)]
pub struct AddressError {
    address: String,
    source: RedisError,
}

/// The connection, shared by all callers, whose requests and replies are pipelined on it.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    state: Mutex<State>,
    /// Milliseconds from `born` to the first request since the last reply; 0 when none waits.
    waiting_since: AtomicU64,
    born: Instant,
}

#[derive(Debug)]
enum State {
    Open { connection: MultiplexedConnection, generation: u64 },
    Closed { generation: u64, failures: u32, not_before: Instant, failed: Instant, reason: String },
}

impl Connection {
    /// Reads the address; connects when first used.
    pub(crate) fn to(address: &str) -> Result<Self, AddressError> {
        let wrong = |source| AddressError { address: address.to_owned(), source };
        let info = address.into_connection_info().map_err(wrong)?;
        // Introducing itself would cost every new connection a round trip before its first use.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(settings)).map_err(wrong)?;
        let born = Instant::now();
        let state = State::Closed {
            generation: 0,
            failures: 0,
            not_before: born,
            failed: born,
            reason: String::from("never connected"),
        };
        Ok(Self { client, state: Mutex::new(state), waiting_since: AtomicU64::new(0), born })
    }

    /// Runs one command on the connection. `use_it` must send at most one command that an acceptor
    /// could act on, beside such as are answered by "not executed".
    pub(crate) async fn run<F>(&self, use_it: F) -> Result<redis::Value, Lost>
    where
        F: AsyncFnOnce(&mut MultiplexedConnection) -> Result<redis::Value, RedisError>,
    {
        let (mut connection, generation) = self.get().await?;
        let now = self.millis();
        let waiting =
            self.waiting_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        if waiting.is_err_and(|since| now.saturating_sub(since) > millis(SILENCE)) {
            self.close(generation, "no reply for too long").await;
            return Err(Lost::NotConnected(String::from("no reply for too long")));
        }
        let answer = use_it(&mut connection).await;
        let broken = match &answer {
            Ok(_) => None,
            Err(error) if answered(error) => None,
            Err(error) => Some(error.to_string()),
        };
        match broken {
            None => self.waiting_since.store(0, Ordering::Relaxed),
            Some(reason) => self.close(generation, &reason).await,
        }
        answer.map_err(|error| classified(&error))
    }

    /// The connection, or what came of an attempt to make one that ended after this was asked for.
    async fn get(&self) -> Result<(MultiplexedConnection, u64), Lost> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        let (generation, failures) = match &*state {
            State::Open { connection, generation } => return Ok((connection.clone(), *generation)),
            State::Closed { failed, reason, .. } if *failed > asked => {
                return Err(Lost::NotConnected(reason.clone()));
            }
            State::Closed { generation, failures, not_before, .. } => {
                let (generation, failures) = (*generation, *failures);
                tokio::time::sleep_until(*not_before).await;
                (generation, failures)
            }
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None);
        // The handshake talks to the server too, and a stalled link would hold it for ever.
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let reason = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(connection)) => {
                let generation = generation + 1;
                *state = State::Open { connection: connection.clone(), generation };
                self.waiting_since.store(0, Ordering::Relaxed);
                return Ok((connection, generation));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => String::from("connecting took too long"),
        };
        let wait = (BACKOFF.0 * 2_u32.saturating_pow(failures.min(8))).min(BACKOFF.1);
        let failed = Instant::now();
        *state = State::Closed {
            generation,
            failures: failures.saturating_add(1),
            not_before: failed + wait,
            failed,
            reason: reason.clone(),
        };
        Err(Lost::NotConnected(reason))
    }

    /// Forgets the connection, unless somebody has replaced it already.
    async fn close(&self, broken: u64, reason: &str) {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Open { generation, .. } if *generation == broken) {
            tracing::debug!(reason, "connection closed");
            self.waiting_since.store(0, Ordering::Relaxed);
            *state = State::Closed {
                generation: broken,
                failures: 0,
                not_before: Instant::now(),
                failed: self.born,
                reason: reason.to_owned(),
            };
        }
    }

    fn millis(&self) -> u64 {
        // One more, because 0 says that nobody waits.
        millis(self.born.elapsed()) + 1
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the server itself said this, so that the connection is in order.
fn answered(error: &RedisError) -> bool {
    error.code().is_some()
}

/// The server's own words for "I have not executed this".
const NOT_EXECUTED: [&str; 11] = [
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "WRONGTYPE",
];

fn classified(error: &RedisError) -> Lost {
    let text = error.to_string();
    let refused = error.code().is_some_and(|code| NOT_EXECUTED.contains(&code))
        || error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoScript);
    if refused { Lost::Refused(text) } else { Lost::NoAnswer(text) }
}
