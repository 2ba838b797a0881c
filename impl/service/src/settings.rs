//! How a service is set up, and what is not allowed.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// How a service is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The tokens that clients must send.
    pub tokens: Tokens,
    /// Its certificate; none for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Which safeguards may be missing though it listens beyond this machine.
    pub waived: Waived,
    /// What it takes, and how long it waits.
    pub limits: Limits,
    /// How long requests in progress may take to finish when it stops.
    pub shutdown_grace: Duration,
}

impl Settings {
    /// A service for this machine alone, without a token, with the usual limits.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tokens: Tokens::default(),
            tls: None,
            waived: Waived::default(),
            limits: Limits::default(),
            shutdown_grace: Duration::from_secs(10),
        }
    }

    /// Checks that other machines cannot reach a service that demands no token, or that would have
    /// tokens sent in the clear.
    pub(crate) fn check_exposure(&self) -> Result<(), Exposed> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        let token = self.tokens.client.is_some() || self.waived.token;
        let tls = self.tls.is_some() || self.waived.tls;
        match (token, tls) {
            (true, true) => Ok(()),
            (false, true) => Err(Exposed { listen: self.listen, missing: NO_TOKEN }),
            (true, false) => Err(Exposed { listen: self.listen, missing: NO_TLS }),
            (false, false) => Err(Exposed { listen: self.listen, missing: NEITHER }),
        }
    }
}

const NO_TOKEN: &str = "--token-file (or GRYADKA_TOKEN)";
const NO_TLS: &str = "--tls-cert and --tls-key";
const NEITHER: &str = "--token-file (or GRYADKA_TOKEN), --tls-cert and --tls-key";

/// A service that other machines could reach without safeguards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{listen} can be reached from other machines: give {missing}, or listen on 127.0.0.1")]
pub struct Exposed {
    listen: SocketAddr,
    missing: &'static str,
}

/// Safeguards that the operator has waived.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waived {
    /// Every host that reaches the service may read and write.
    pub token: bool,
    /// Every host on the network path may read, write, and learn the token.
    pub tls: bool,
}

/// The certificate chain and its key, both as PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, and after it those that signed it.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// What a service takes, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the store may take where the client gives no timeout.
    pub timeout: Duration,
    /// How long a client may take to send its headers, and its body.
    pub read_timeout: Duration,
    /// How long a client may stop reading an answer.
    pub write_timeout: Duration,
    /// The longest value, in bytes.
    pub value_bytes: usize,
    /// How many bytes of request bodies may be in memory; `value_bytes` at least.
    pub body_bytes: usize,
    /// How many requests may be in progress, not counting those whose bodies are still arriving.
    pub requests: usize,
    /// How many connections may be open; more wait to be accepted.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            value_bytes: 16 << 20,
            body_bytes: 256 << 20,
            requests: 1024,
            connections: 4096,
        }
    }
}

/// The tokens that open a service.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// Opens keys and the cluster's state; without it they are open to every client.
    pub client: Option<Token>,
    /// Opens everything; without it the cluster cannot be changed through the service.
    pub admin: Option<Token>,
}

/// A secret that a client shows.
#[derive(Clone)]
pub struct Token(Box<[u8]>);

/// A token that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has at least 16 characters")]
pub struct TokenTooShort;

impl Token {
    const SHORTEST_BYTES: usize = 16;

    /// A token without the white space around it.
    ///
    /// # Errors
    /// [`TokenTooShort`] below 16 bytes.
    pub fn new(text: &str) -> Result<Self, TokenTooShort> {
        let text = text.trim().as_bytes();
        if text.len() < Self::SHORTEST_BYTES { Err(TokenTooShort) } else { Ok(Self(text.into())) }
    }

    /// Compares in a time that does not depend on how much of the guess is right.
    pub(crate) fn is(&self, guess: &[u8]) -> bool {
        self.0.ct_eq(guess).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_this_machine_both_safeguards_are_demanded() {
        let token = || Some(Token::new("0123456789abcdef").unwrap());
        let files = || Some(TlsFiles { certificate: "cert".into(), key: "key".into() });
        for (listen, client, tls, waived, missing) in [
            ("127.0.0.1:80", None, None, Waived::default(), None),
            ("[::1]:80", None, None, Waived::default(), None),
            ("0.0.0.0:80", None, None, Waived::default(), Some(NEITHER)),
            ("[::]:80", token(), None, Waived::default(), Some(NO_TLS)),
            ("10.0.0.1:80", None, files(), Waived::default(), Some(NO_TOKEN)),
            ("10.0.0.1:80", token(), files(), Waived::default(), None),
            ("10.0.0.1:80", None, None, Waived { token: true, tls: true }, None),
            ("10.0.0.1:80", token(), None, Waived { token: true, tls: false }, Some(NO_TLS)),
        ] {
            let mut settings = Settings::new(listen.parse().unwrap());
            settings.tokens.client = client;
            settings.tls = tls;
            settings.waived = waived;
            let found = settings.check_exposure().err().map(|exposed| exposed.missing);
            assert_eq!(found, missing, "{listen} {waived:?}");
        }
    }

    #[test]
    fn an_admin_token_alone_does_not_open_the_service_to_others() {
        let mut settings = Settings::new("10.0.0.1:80".parse().unwrap());
        settings.tokens.admin = Some(Token::new("0123456789abcdef").unwrap());
        let text = settings.check_exposure().unwrap_err().to_string();
        insta::assert_snapshot!(text, @"10.0.0.1:80 can be reached from other machines: give --token-file (or GRYADKA_TOKEN), --tls-cert and --tls-key, or listen on 127.0.0.1");
    }

    #[test]
    fn a_token_is_long_and_never_shown() {
        assert_eq!(Token::new(" 0123456789abcde\n").err(), Some(TokenTooShort));
        let token = Token::new("0123456789abcdef\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        assert!(!token.is(b"0123456789abcdeg"));
        assert!(!token.is(b""));
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
