//! One multiplexed connection to one server, made again when it breaks.

use crate::RequestError;
use crate::wire::client_error;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, RedisError, Script,
    ServerErrorKind, TlsCertificates, Value,
};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The wait after the first failed attempt to connect. It doubles with each one.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
/// The longest wait between attempts to connect.
const LONGEST_BACKOFF: Duration = Duration::from_millis(250);
/// After this long without a single reply, though some were waited for, the connection is taken
/// for dead: a machine that loses its power closes no connection.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(5);

/// The connection, shared by all callers, whose requests and replies are pipelined on it.
pub(crate) struct Connection {
    client: Client,
    state: Mutex<State>,
    /// Milliseconds from `born` to the last reply.
    last_reply: AtomicU64,
    born: Instant,
}

#[derive(Debug)]
enum State {
    Open { connection: MultiplexedConnection, generation: u64 },
    Closed { generation: u64, failures: u32, not_before: Instant, failed: Instant, reason: String },
}

impl fmt::Debug for Connection {
    /// Without the client, which holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects when first used. `roots` are the certificates (PEM) that a `rediss://` server is
    /// trusted by, if not the web's usual ones.
    pub(crate) fn to(info: ConnectionInfo, roots: Option<&[u8]>) -> Result<Self, RedisError> {
        // Introducing itself would cost every new connection a round trip before its first use.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        // Several calls are under way: without it, one would wait until the server's system has
        // acknowledged the one before, which takes up to 40 ms where there is no reply to carry it.
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = info.set_redis_settings(settings).set_tcp_settings(tcp);
        let client = match (info.addr(), roots) {
            (ConnectionAddr::TcpTls { .. }, roots) => {
                choose_cryptography();
                let root_cert = roots.map(<[u8]>::to_vec);
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
            }
            (_, _) => Client::open(info),
        };
        let born = Instant::now();
        let state = State::Closed {
            generation: 0,
            failures: 0,
            not_before: born,
            failed: born,
            reason: String::from("never connected"),
        };
        Ok(Self { client: client?, state: Mutex::new(state), last_reply: AtomicU64::new(0), born })
    }

    /// Sends a command and waits for its reply, which may be an error of the server's. If the
    /// server does not know the script, which it says without executing anything, the script is
    /// loaded and the command sent once more.
    pub(crate) async fn run(
        &self,
        command: &Cmd,
        script: Option<&'static Script>,
    ) -> Result<Value, RequestError> {
        self.run_on(None, command, script).await.map(|(answer, _)| answer)
    }

    /// The same on one certain connection, if one is named: what a server has said on it may mean nothing to
    /// the process that answers on another. Answers the number of the connection, too.
    pub(crate) async fn run_on(
        &self,
        number: Option<u64>,
        command: &Cmd,
        script: Option<&'static Script>,
    ) -> Result<(Value, u64), RequestError> {
        let (mut connection, generation) = self.get().await?;
        if number.is_some_and(|number| number != generation) {
            return Err(RequestError::NotConnected(String::from("the connection is a new one")));
        }
        let Some(answer) = self.answer(execute(&mut connection, command, script)).await else {
            self.close(generation, "no reply for too long").await;
            return Err(RequestError::NoAnswer(String::from("no reply for too long")));
        };
        if let Err(error) = &answer
            && error.code().is_none()
        {
            self.close(generation, &error.to_string()).await;
        }
        answer.map(|answer| (answer, generation)).map_err(|error| client_error(&error))
    }

    /// Waits for an answer as long as any answers come on this connection.
    async fn answer<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        let mut last_seen = self.millis();
        loop {
            let until = self.born + Duration::from_millis(last_seen) + SILENCE_TIMEOUT;
            match tokio::time::timeout_at(until, &mut answer).await {
                Ok(answer) => {
                    self.last_reply.store(self.millis(), Ordering::Relaxed);
                    return Some(answer);
                }
                Err(_) => {
                    let last = self.last_reply.load(Ordering::Relaxed);
                    if last <= last_seen {
                        return None;
                    }
                    last_seen = last;
                }
            }
        }
    }

    /// The connection, or the error of an attempt to connect that ended after this call began.
    async fn get(&self) -> Result<(MultiplexedConnection, u64), RequestError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        let (generation, failures) = match &*state {
            State::Open { connection, generation } => return Ok((connection.clone(), *generation)),
            State::Closed { failed, reason, .. } if *failed > asked => {
                return Err(RequestError::NotConnected(reason.clone()));
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
        // The handshake talks to the server too, and a stalled link would hold it without end.
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let reason = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(connection)) => {
                let generation = generation + 1;
                *state = State::Open { connection: connection.clone(), generation };
                return Ok((connection, generation));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => String::from("connecting took too long"),
        };
        let wait = (FIRST_BACKOFF * 2_u32.saturating_pow(failures.min(8))).min(LONGEST_BACKOFF);
        let failed = Instant::now();
        *state = State::Closed {
            generation,
            failures: failures.saturating_add(1),
            not_before: failed + wait,
            failed,
            reason: reason.clone(),
        };
        Err(RequestError::NotConnected(reason))
    }

    /// Forgets the connection, unless another one has replaced it already.
    async fn close(&self, broken: u64, reason: &str) {
        let mut state = self.state.lock().await;
        if matches!(&*state, State::Open { generation, .. } if *generation == broken) {
            tracing::debug!(reason, "connection closed");
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
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

async fn execute(
    connection: &mut MultiplexedConnection,
    command: &Cmd,
    script: Option<&Script>,
) -> Result<Value, RedisError> {
    let answer = connection.send_packed_command(command).await;
    let unknown = match &answer {
        Ok(Value::ServerError(error)) => error.kind() == Some(ServerErrorKind::NoScript),
        Ok(_) => false,
        Err(error) => error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoScript),
    };
    match script {
        Some(script) if unknown => {
            script.load_async(connection).await?;
            connection.send_packed_command(command).await
        }
        Some(_) | None => answer,
    }
}

/// Chooses the implementation of cryptography that TLS uses, where the program has not done so.
fn choose_cryptography() {
    // An error says that it has.
    drop(rustls::crypto::ring::default_provider().install_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::IntoConnectionInfo as _;

    /// Otherwise calls over 25 ms each way took 90 ms while others were under way.
    #[test]
    fn a_call_does_not_wait_for_the_acknowledgement_of_the_one_before() {
        for address in ["redis://host:1", "rediss://host:1"] {
            let connection = Connection::to(address.into_connection_info().unwrap(), None).unwrap();
            assert!(connection.client.get_connection_info().tcp_settings().nodelay(), "{address}");
        }
    }
}
