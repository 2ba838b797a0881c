//! Addresses of acceptors: one spelling for each server, and no login in it.

use crate::{AddressError, Credentials};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The port of an address that names none: Redis' own.
const DEFAULT_PORT: u16 = 6379;

/// Where an acceptor is: scheme, host, port, and the number of a database. It is displayed, and kept
/// in the cluster's configuration record, in one spelling: the port is always written, database 0
/// never, the scheme and the host are in lower case.
///
/// ```
/// # use gryadka::AcceptorAddress;
/// let address: AcceptorAddress = "REDIS://ann:secret@Cache.example/0".parse()?;
/// assert_eq!(address.to_string(), "redis://cache.example:6379");
/// # Ok::<(), gryadka::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AcceptorAddress {
    scheme: Scheme,
    host: String,
    port: u16,
    database: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scheme {
    /// A Redis server.
    Redis,
    /// A Redis server behind TLS.
    Rediss,
    /// A [`crate::NativeServer`].
    Native,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::Redis, Self::Rediss, Self::Native];

    const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Rediss => "rediss",
            Self::Native => "native",
        }
    }
}

/// What a URL says beside the address: how this process authenticates itself to the server there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) credentials: Credentials,
    /// `#insecure`: any certificate of a `rediss://` server is trusted.
    pub(crate) any_certificate: bool,
}

/// The error for a URL. Its message shows no password, not even where the scheme is missing.
fn wrong(url: &str, reason: &str) -> AddressError {
    let url = redacted_url(url);
    let address = if url.contains(SCHEME_END) { &url } else { after_login(&url) };
    AddressError { address: address.to_owned(), reason: reason.to_owned() }
}

impl FromStr for AcceptorAddress {
    type Err = AddressError;

    /// Reads `redis://[user:password@]host[:port][/database]`, `rediss://…[#insecure]` or
    /// `native://…`, and leaves out what is not part of the address.
    fn from_str(url: &str) -> Result<Self, AddressError> {
        parse(url).map(|(address, _)| address)
    }
}

impl fmt::Display for AcceptorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, database } = self;
        let scheme = scheme.name();
        if host.parse::<Ipv6Addr>().is_ok() {
            write!(f, "{scheme}://[{host}]:{port}")?;
        } else {
            write!(f, "{scheme}://{host}:{port}")?;
        }
        if *database == 0 { Ok(()) } else { write!(f, "/{database}") }
    }
}

impl AcceptorAddress {
    /// Host and port.
    pub(crate) fn server(&self) -> (String, u16) {
        (self.host.clone(), self.port)
    }

    pub(crate) fn is_native(&self) -> bool {
        self.scheme == Scheme::Native
    }

    /// How to connect to it.
    pub(crate) fn connection_info(&self, login: &Login) -> Result<ConnectionInfo, RedisError> {
        let (host, port) = self.server();
        let address = match self.scheme {
            Scheme::Redis | Scheme::Native => ConnectionAddr::Tcp(host, port),
            Scheme::Rediss => {
                let insecure = login.any_certificate;
                ConnectionAddr::TcpTls { host, port, insecure, tls_params: None }
            }
        };
        let info = address.into_connection_info()?;
        let settings = info.redis_settings().clone().set_db(self.database);
        // A native server knows no users.
        let shown = if self.is_native() { settings } else { login.credentials.apply(settings) };
        Ok(info.set_redis_settings(shown))
    }
}

/// The address in a URL, and what else it says.
pub(crate) fn parse(url: &str) -> Result<(AcceptorAddress, Login), AddressError> {
    let wrong = |reason: &str| wrong(url, reason);
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
    let scheme = Scheme::ALL
        .into_iter()
        .find(|known| known.name().eq_ignore_ascii_case(scheme))
        .ok_or_else(|| wrong("its scheme is none of redis, rediss and native"))?;
    if rest.contains('?') {
        return Err(wrong("it has a query; a ? in a password is written %3F"));
    }
    // What precedes a # would be read as host and port, although it may be the start of a password.
    if rest.contains('#') && scheme != Scheme::Rediss {
        return Err(wrong("only rediss:// has a fragment; a # in a password is written %23"));
    }
    let protocol = if scheme == Scheme::Native { Scheme::Redis } else { scheme };
    let info = format!("{}://{rest}", protocol.name()).into_connection_info();
    let info = info.map_err(|error| wrong(&reason(&error)))?;
    let (host, port, any_certificate) = match info.addr() {
        ConnectionAddr::Tcp(host, port) => (host, *port, false),
        ConnectionAddr::TcpTls { host, port, insecure, .. } => (host, *port, *insecure),
        ConnectionAddr::Unix(_) | _ => return Err(wrong("it names no host")),
    };
    let settings = info.redis_settings();
    let port = if port == 0 { DEFAULT_PORT } else { port };
    let address =
        AcceptorAddress { scheme, host: host.to_lowercase(), port, database: settings.db() };
    Ok((address, Login { credentials: Credentials::of(settings), any_certificate }))
}

/// What the Redis client says is wrong, without its own classification.
fn reason(error: &RedisError) -> String {
    error.to_string().replace(" - InvalidClientConfig", "")
}

/// The one spelling of an address that the configuration record has; of one that an earlier version
/// wrote there, too, which may have a login in it.
pub(crate) fn normalised(address: &str) -> String {
    let parsed = address.parse::<AcceptorAddress>();
    parsed.map_or_else(|_| redacted_url(address), |address| address.to_string())
}

/// A text in which no URL shows its user and password: for logs and messages that repeat what a user
/// has typed. A URL ends where white space begins.
#[must_use]
pub fn redacted(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(redacted_url).collect()
}

/// The same for a text that is one URL, or a word that ends with one.
fn redacted_url(url: &str) -> String {
    match url.split_once(SCHEME_END) {
        Some((_, rest)) if rest.starts_with(LOGIN_HERE) => url.to_owned(),
        Some((before, rest)) => {
            format!("{}{SCHEME_END}{}", after_login(before), after_login(rest))
        }
        None => url.to_owned(),
    }
}

/// What follows a login, which ends with the last `@`.
fn after_login(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, place)| place)
}

const SCHEME_END: &str = "://";
/// How messages say where a login would be.
const LOGIN_HERE: &str = "[user:password@]host";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_server_has_one_spelling() {
        for (url, expected) in [
            ("redis://a:1", "redis://a:1"),
            ("redis://a", "redis://a:6379"),
            ("redis://a/", "redis://a:6379"),
            ("redis://a/0", "redis://a:6379"),
            ("redis://a:6379/0/", "redis://a:6379"),
            ("redis://a:1/3", "redis://a:1/3"),
            ("REDIS://Cache.Example:1", "redis://cache.example:1"),
            ("rediss://ann:se%40cret@a#insecure", "rediss://a:6379"),
            ("redis://:secret@127.0.0.1:7/2", "redis://127.0.0.1:7/2"),
            ("redis://[0:0:0::1]:7", "redis://[::1]:7"),
            ("native://127.0.0.1:7001", "native://127.0.0.1:7001"),
        ] {
            assert_eq!(normalised(url), expected, "{url}");
            assert_eq!(normalised(expected), expected, "its own spelling is the same");
        }
    }

    #[test]
    fn what_is_no_address_says_what_would_be_right_and_shows_no_password() {
        let wrong = |url: &str| url.parse::<AcceptorAddress>().unwrap_err().to_string();
        insta::assert_snapshot!([
            "host", "me:secret@host:1", "http://me:p@ss@host:1", "redis://", "redis://me:secret@host:port",
            "redis://host/one", "redis://me:secret@host?protocol=resp3", "rediss://host#nothing",
            "redis://0.0.0.0:1", "redis://ann:@secret#@a:1", "native://a:1#insecure",
        ].map(wrong).join("\n"), @r#"
        "host" is not an acceptor's address: it has no scheme; write redis://[user:password@]host:port
        "host:1" is not an acceptor's address: it has no scheme; write redis://[user:password@]host:port
        "http://host:1" is not an acceptor's address: its scheme is none of redis, rediss and native; write redis://[user:password@]host:port
        "redis://" is not an acceptor's address: Missing hostname; write redis://[user:password@]host:port
        "redis://host:port" is not an acceptor's address: Redis URL did not parse; write redis://[user:password@]host:port
        "redis://host/one" is not an acceptor's address: Invalid database number; write redis://[user:password@]host:port
        "redis://host?protocol=resp3" is not an acceptor's address: it has a query; a ? in a password is written %3F; write redis://[user:password@]host:port
        "rediss://host#nothing" is not an acceptor's address: only #insecure is supported as URL fragment; write redis://[user:password@]host:port
        "redis://0.0.0.0:1" is not an acceptor's address: Cannot connect to a wildcard address (0.0.0.0 or ::); write redis://[user:password@]host:port
        "redis://a:1" is not an acceptor's address: only rediss:// has a fragment; a # in a password is written %23; write redis://[user:password@]host:port
        "native://a:1#insecure" is not an acceptor's address: only rediss:// has a fragment; a # in a password is written %23; write redis://[user:password@]host:port
        "#);
    }

    #[test]
    fn a_login_is_for_redis_servers_alone() {
        let shown = |url: &str| {
            let (address, login) = parse(url).unwrap();
            let info = address.connection_info(&login).unwrap();
            let settings = info.redis_settings();
            [settings.username(), settings.password()].map(|text| text.map(str::to_owned))
        };
        assert_eq!(
            shown("redis://ann:se%40cret@h:1"),
            ["ann", "se@cret"].map(|it| Some(it.into()))
        );
        assert_eq!(shown("native://ann:secret@h:1"), [None, None]);
    }

    #[test]
    fn no_password_is_left() {
        for (text, expected) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("rediss://user:p@ss/word@host:6380/0", "rediss://host:6380/0"),
            ("native://[::1]:7001", "native://[::1]:7001"),
            (
                "\"redis://:a@b:1\" is taken; redis://c:d@e:2\tis not @ all",
                "\"redis://b:1\" is taken; redis://e:2\tis not @ all",
            ),
            ("write redis://[user:password@]host:port", "write redis://[user:password@]host:port"),
            ("ann@example.org", "ann@example.org"),
            ("u:secret@a:1=redis://v:secret@b:1", "a:1=redis://b:1"),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }

    proptest! {
        /// Whatever the password is, and however much of it is percent-encoded.
        #[test]
        fn no_password_survives(
            scheme in "redis|rediss|native",
            secret in "[!-~]{0,3}([!-~]|[@#/?:%\\[\\]\\\\])x7x7([!-~]|[@#/?:%\\[\\]\\\\])[!-~]{0,3}",
            host in "[a-z]{1,5}",
        ) {
            let url = format!("{scheme}://ann:{secret}@{host}:1");
            prop_assert!(!redacted(&url).contains("x7x7"));
            match url.parse::<AcceptorAddress>() {
                Ok(address) => prop_assert!(!address.to_string().contains("x7x7")),
                Err(error) => prop_assert!(!error.to_string().contains("x7x7")),
            }
        }
    }
}
