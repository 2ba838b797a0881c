//! What is answered when something cannot be, in Toxiproxy's words where it has some.

use crate::wire::WireError;
use crate::{NAME_MAX, ProxyError};
use std::io;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request's body cannot be understood, or says something impossible.
    #[error("bad request body: {0}")]
    BadBody(String),
    /// A field is missing that there is no default for.
    #[error("missing required field: {0}")]
    MissingField(String),
    /// A toxic's stream or type that there is none of.
    #[error(transparent)]
    Toxic(WireError),
    /// There is no such proxy.
    #[error("proxy not found")]
    NoProxy,
    /// There is no such toxic.
    #[error("toxic not found")]
    NoToxic,
    /// There is a proxy of this name.
    #[error("proxy already exists")]
    ProxyExists,
    /// There is a toxic of this name, on whichever stream.
    #[error("toxic already exists")]
    ToxicExists,
    /// A proxy cannot listen where it is to.
    #[error("{0}")]
    Listen(String),
}

impl Refusal {
    /// The HTTP status that says the same.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadBody(_) | Self::MissingField(_) | Self::Toxic(_) => 400,
            Self::NoProxy | Self::NoToxic => 404,
            Self::ProxyExists | Self::ToxicExists => 409,
            Self::Listen(_) => 500,
        }
    }

    /// Why, where there is no request to be bad.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::BadBody(why) => why.clone(),
            Self::MissingField(_)
            | Self::Toxic(_)
            | Self::NoProxy
            | Self::NoToxic
            | Self::ProxyExists
            | Self::ToxicExists
            | Self::Listen(_) => self.to_string(),
        }
    }

    /// A name that is too long for a path and a label.
    pub(super) fn name_too_long() -> Self {
        Self::BadBody(format!("a name has at most {NAME_MAX} bytes"))
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::BadBody(error.to_string())
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Stream | WireError::Type => Self::Toxic(error),
            WireError::Attribute { .. }
            | WireError::UnknownAttribute { .. }
            | WireError::UnknownField { .. } => Self::BadBody(error.to_string()),
        }
    }
}

impl From<ProxyError> for Refusal {
    fn from(error: ProxyError) -> Self {
        match error {
            ProxyError::NameTaken { .. } => Self::ToxicExists,
            ProxyError::NoSuchToxic { .. } => Self::NoToxic,
            ProxyError::Port { address, source, .. }
            | ProxyError::Listen { address, source, .. } => {
                Self::Listen(format!("listen tcp {address}: bind: {}", in_go(&source)))
            }
            ProxyError::Name { .. }
            | ProxyError::OtherDirection { .. }
            | ProxyError::Probability { .. }
            | ProxyError::Time { .. } => Self::BadBody(error.to_string()),
        }
    }
}

/// What the system said, as Go writes it: `address already in use`.
fn in_go(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
