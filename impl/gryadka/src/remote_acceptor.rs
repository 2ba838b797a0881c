//! A remote acceptor: a Redis, or a native server, by the same protocol.
//!
//! **Redis.** A register is one key, the state and the set of tombstone index are one each; all
//! begin with the prefix, so that acceptors of several clusters, and other users, can share a
//! server. Each script is one atomic Lua script, called by its hash. Only commands and Lua functions
//! are used that all of Redis 6 to 8 and Valkey have; tested with Redis 7.0 and 6.2. It does not work
//! on Redis Cluster, whose scripts reach only one slot.
//!
//! It is as safe as the server is durable: `appendonly yes` with `appendfsync always`. One that
//! restarts without its data has lost its state as well, so it votes for nothing. A replica that
//! takes over has a state, but perhaps not all the promises: do not use one as an acceptor.
//!
//! The least that its user must be allowed, with the default prefix:
//!
//! ```text
//! ACL SETUSER gryadka on >password ~gryadka:* +evalsha +script|load +hmget +hget +hexists +hset +hdel
//!   +get +getrange +set +setrange +del +unlink +sadd +srem +scan +sscan
//! ```
//!
//! `+info` and `+config|get` let [`Acceptor::status`] say how durable the server is.

use crate::address::{self, Login};
use crate::connection::Connection;
use crate::script::Script;
use crate::{Acceptor, AcceptorAddress, AddressError, Credentials, RequestError, wire};
use crate::{Cursor, Head, Page, Reply, Request, Status};
use bytes::Bytes;
use caspaxos::{AcceptorIdentity, AcceptorState, HIGHEST_NUMBER};
use redis::{Cmd, Value};
use std::collections::BTreeMap;

/// How to reach the acceptors of a cluster, beside their addresses. A process's own settings: none of
/// it is stored in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What all keys in Redis begin with.
    pub prefix: String,
    /// The certificates, in PEM, of the authorities that `rediss://` servers are trusted by; `None` for
    /// those that the web trusts.
    pub roots: Option<Vec<u8>>,
    /// The user and the password for every server that no URL with a password is given for.
    pub credentials: Credentials,
}

impl Default for Access {
    fn default() -> Self {
        Self { prefix: String::from("gryadka:"), roots: None, credentials: Credentials::default() }
    }
}

/// A Redis server, version 6 or newer, or a [`crate::NativeServer`], as an acceptor.
#[derive(Debug)]
pub struct RemoteAcceptor {
    connection: Connection,
    prefix: Vec<u8>,
    dialect: Dialect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Redis,
    Native,
}

/// How many keys a page of a listing is to have.
const PAGE: usize = 1000;

impl RemoteAcceptor {
    /// The acceptor at `url`: `redis://[user:password@]host:port[/database]`, `rediss://…` for
    /// TLS (`rediss://…#insecure` trusts any certificate), `native://host:port` for a native server.
    /// Where it has no password, the one in `access` is shown. Connects when first used.
    ///
    /// # Errors
    /// [`AddressError`] when the address or the certificates cannot be understood.
    pub fn open(url: &str, access: &Access) -> Result<Self, AddressError> {
        let (address, login) = address::parse(url)?;
        let login = Login { credentials: login.credentials.or(&access.credentials), ..login };
        Self::at(&address, &login, access)
    }

    /// The acceptor at an address, by this login.
    pub(crate) fn at(
        address: &AcceptorAddress,
        login: &Login,
        access: &Access,
    ) -> Result<Self, AddressError> {
        let info = address.connection_info(login);
        let connection = info.and_then(|info| Connection::to(info, access.roots.as_deref()));
        let wrong = |error: redis::RedisError| AddressError {
            address: address.to_string(),
            reason: error.to_string(),
        };
        let (dialect, prefix) = match address.is_native() {
            true => (Dialect::Native, Vec::new()),
            false => (Dialect::Redis, access.prefix.as_bytes().to_vec()),
        };
        let connection = connection.map_err(wrong)?;
        Ok(Self { connection, prefix, dialect })
    }

    /// The acceptor at `address` under another prefix than the default one: see [`Self::open`].
    ///
    /// # Errors
    /// [`AddressError`] when the address cannot be understood.
    pub fn new(address: &str, prefix: &str) -> Result<Self, AddressError> {
        Self::open(address, &Access { prefix: prefix.to_owned(), ..Access::default() })
    }

    /// A call as it goes over the wire, and the hash of the script that it needs: for measuring a
    /// server without this client. [`Self::script`] is the script.
    #[must_use]
    pub fn call_on_the_wire(&self, head: Head, requests: &[(Bytes, Request)]) -> Vec<u8> {
        self.command_of(head, requests).get_packed_command()
    }

    /// The script that Redis executes for a call.
    #[must_use]
    pub const fn script() -> &'static str {
        include_str!("scripts/execute.lua")
    }

    fn key(&self, kind: u8, key: &[u8]) -> Vec<u8> {
        [&self.prefix, &[kind][..], key].concat()
    }

    /// Begins a command with the keys that all scripts have, and `more` to come after them.
    fn begin(&self, script: Script, more: usize, bytes: usize) -> Cmd {
        let mut command = Cmd::with_capacity(7 + 2 * more, 100 + bytes);
        match self.dialect {
            Dialect::Redis => command.arg("EVALSHA").arg(script.lua().get_hash()),
            Dialect::Native => command.arg(script.name()),
        };
        command.arg(2 + more).arg(self.key(b'!', b"")).arg(self.key(b'?', b""));
        command
    }

    async fn run(&self, script: Script, command: &Cmd) -> Result<Value, RequestError> {
        let script = (self.dialect == Dialect::Redis).then(|| script.lua());
        self.connection.run(command, script).await.and_then(own)
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, RequestError> {
        self.connection.run(command, None).await.and_then(own)
    }

    fn command_of(&self, head: Head, requests: &[(Bytes, Request)]) -> Cmd {
        let bytes =
            requests.iter().map(|(key, request)| key.len() + wire::size_hint(request)).sum();
        let mut command = self.begin(Script::Execute, requests.len(), bytes);
        let mut scratch = self.key(b'=', b"");
        for (key, _) in requests {
            scratch.truncate(self.prefix.len() + 1);
            scratch.extend_from_slice(key);
            command.arg(scratch.as_slice());
        }
        command.arg(wire::identity(head.identity)).arg(head.epoch);
        for (_, request) in requests {
            scratch.clear();
            wire::write_request(&mut scratch, request);
            command.arg(scratch.as_slice());
        }
        command
    }

    /// A page of a listing, as `SCAN` and its like answer it. Each key begins with `prefix` bytes that are
    /// not the key's own. `begin` begins the command with a position.
    ///
    /// A position is good on the connection that it came on: another connection may lead to the process that
    /// the server is after a restart, which has drawn another hash seed and would skip keys without an error.
    async fn page(
        &self,
        cursor: &Cursor,
        prefix: usize,
        begin: impl FnOnce(&[u8]) -> Cmd,
    ) -> Result<Page, RequestError> {
        let (number, position) = match cursor.meaning().split_first_chunk::<8>() {
            Some((number, position)) => (Some(u64::from_be_bytes(*number)), position),
            None => (None, &b"0"[..]),
        };
        let mut command = begin(position);
        command.arg("COUNT").arg(PAGE);
        let (answer, number) = self.connection.run_on(number, &command, None).await?;
        let (next, keys): (Vec<u8>, Vec<Vec<u8>>) = decoded(own(answer)?)?;
        let bare = |key: Vec<u8>| (key.len() >= prefix).then(|| Bytes::from(key).split_off(prefix));
        let keys = keys.into_iter().filter_map(bare).collect();
        let cursor =
            |next: Vec<u8>| Cursor::new([&number.to_be_bytes()[..], &next].concat().into());
        Ok(Page { keys, next: (next != b"0").then(|| cursor(next)) })
    }

    /// What the acceptor is, and also what its server says about itself.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn examine(&self) -> Result<Status, RequestError> {
        Ok(Status { server: self.server().await?, ..self.status().await? })
    }

    /// What the server reports about itself. What its user may not ask for is missing.
    async fn server(&self) -> Result<BTreeMap<String, String>, RequestError> {
        let unless_refused = |answer: Result<Value, RequestError>| match answer {
            Err(RequestError::Refused(_)) => Ok(Value::Nil),
            other => other,
        };
        let info = unless_refused(self.ask(&redis::cmd("INFO")).await)?;
        let text: Option<String> = decoded(info)?;
        let lines = text.iter().flat_map(|text| text.lines());
        let mut facts: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if self.dialect == Dialect::Redis {
            for settings in ["*appendfsync*", "save"] {
                let mut command = redis::cmd("CONFIG");
                command.arg("GET").arg(settings);
                let answer = unless_refused(self.ask(&command).await)?;
                let settings = decoded::<Option<BTreeMap<String, String>>>(answer)?;
                facts.extend(settings.unwrap_or_default());
            }
        }
        Ok(facts)
    }
}

/// What an error that the server answered with means.
fn own(answer: Value) -> Result<Value, RequestError> {
    if let Value::ServerError(error) = &answer {
        Err(wire::request_error(error))
    } else {
        Ok(answer)
    }
}

fn decoded<T: redis::FromRedisValue>(answer: Value) -> Result<T, RequestError> {
    redis::from_redis_value(answer).map_err(|error| RequestError::NoAnswer(error.to_string()))
}

/// The prefix as a pattern that matches itself.
fn escaped(prefix: &[u8]) -> Vec<u8> {
    let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^' | b'-');
    prefix
        .iter()
        .flat_map(|byte| special(byte).then_some(b'\\').into_iter().chain([*byte]))
        .collect()
}

impl Acceptor for RemoteAcceptor {
    async fn call(
        &self,
        head: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        if requests.is_empty() {
            return Vec::new();
        }
        let command = self.command_of(head, &requests);
        let stages: Vec<_> = requests.iter().map(|(_, request)| request.stage()).collect();
        drop(requests);
        let error = match self.run(Script::Execute, &command).await {
            Ok(Value::Array(replies)) if replies.len() == stages.len() => {
                return stages.into_iter().zip(replies).map(wire::parse_reply).collect();
            }
            Ok(_) => RequestError::NoAnswer(String::from("not as many replies as requests")),
            Err(error) => error,
        };
        vec![Err(error); stages.len()]
    }

    async fn status(&self) -> Result<Status, RequestError> {
        let command = match self.dialect {
            Dialect::Redis => {
                let mut command = redis::cmd("HMGET");
                command.arg(self.key(b'!', b""));
                command.arg("identity").arg("epoch").arg("promise_floor").arg("config");
                command
            }
            Dialect::Native => redis::cmd("STATUS"),
        };
        let (identity, epoch, promise_floor, config) = decoded(self.ask(&command).await?)?;
        let identity: Option<String> = identity;
        let (epoch, promise_floor): (Option<u64>, Option<u64>) = (epoch, promise_floor);
        let config: Option<Vec<u8>> = config;
        let state = match (identity, epoch, promise_floor) {
            (Some(_), Some(epoch), Some(promise_floor))
                if epoch.max(promise_floor) > HIGHEST_NUMBER =>
            {
                return Err(RequestError::NoAnswer(format!(
                    "epoch {epoch} or promise floor {promise_floor} is above {HIGHEST_NUMBER}"
                )));
            }
            (Some(identity), Some(epoch), Some(promise_floor)) => {
                let unreadable =
                    || RequestError::NoAnswer(format!("{identity:?} is not an identity"));
                let identity = wire::parse_identity(&identity).ok_or_else(unreadable)?;
                Some(AcceptorState { identity, epoch, promise_floor })
            }
            _ => None,
        };
        let config = config.unwrap_or_default().into();
        Ok(Status { state, config, server: BTreeMap::new() })
    }

    async fn admit(
        &self,
        state: AcceptorState,
        config: Bytes,
        token: u64,
    ) -> Result<(), RequestError> {
        let mut command = self.begin(Script::Admit, 0, config.len());
        command.arg(wire::identity(state.identity)).arg(state.epoch).arg(state.promise_floor);
        command.arg(config.as_ref()).arg(token);
        self.run(Script::Admit, &command).await.map(drop)
    }

    async fn set_epoch(
        &self,
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    ) -> Result<(), RequestError> {
        let mut command = self.begin(Script::SetEpoch, 0, config.len());
        command.arg(wire::identity(identity)).arg(epoch).arg(config.as_ref());
        self.run(Script::SetEpoch, &command).await.map(drop)
    }

    async fn retire(&self, identity: AcceptorIdentity, epoch: u64) -> Result<(), RequestError> {
        let mut command = self.begin(Script::Retire, 0, 0);
        command.arg(wire::identity(identity)).arg(epoch);
        self.run(Script::Retire, &command).await.map(drop)
    }

    async fn erase(&self, keys: Vec<Bytes>) -> Result<u64, RequestError> {
        let mut command = self.begin(Script::Wipe, keys.len(), 0);
        for key in &keys {
            command.arg(self.key(b'=', key));
        }
        decoded(self.run(Script::Wipe, &command).await?)
    }

    async fn finish_wipe(&self, token: u64) -> Result<(), RequestError> {
        let mut command = self.begin(Script::Wipe, 0, 0);
        command.arg(token);
        self.run(Script::Wipe, &command).await.map(drop)
    }

    async fn list(&self, cursor: Cursor) -> Result<Page, RequestError> {
        let pattern = [&escaped(&self.prefix), &b"=*"[..]].concat();
        let page = self.page(&cursor, self.prefix.len() + 1, |position| {
            let mut command = redis::cmd("SCAN");
            command.arg(position);
            if self.dialect == Dialect::Redis {
                command.arg("MATCH").arg(pattern);
            }
            command
        });
        page.await
    }

    async fn tombstones(&self, cursor: Cursor) -> Result<Page, RequestError> {
        let page = self.page(&cursor, 0, |position| {
            let mut command = redis::cmd("SSCAN");
            command.arg(self.key(b'?', b"")).arg(position);
            command
        });
        page.await
    }
}
