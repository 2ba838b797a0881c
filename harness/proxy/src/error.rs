//! Why a link could not be opened or told.

use crate::{DELAY_MAX, Direction, NAME_MAX};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Why a link could not be opened or told.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No port could be had.
    #[error("{address} cannot be taken for the link to {upstream}")]
    Port {
        /// Where the link was to listen; port 0 stands for any.
        address: SocketAddr,
        /// The server that the link was to lead to.
        upstream: String,
        /// What the system said.
        source: io::Error,
    },
    /// The link's own port could not be listened on.
    #[error("the link to {upstream} cannot listen on its port {address}")]
    Listen {
        /// The link's address.
        address: SocketAddr,
        /// The server that the link leads to.
        upstream: String,
        /// What the system said.
        source: io::Error,
    },
    /// A toxic's name that is empty or too long.
    #[error("a toxic's name of {length} bytes is not possible: it has 1 to {NAME_MAX}")]
    Name {
        /// Its length in bytes.
        length: usize,
    },
    /// The link has a toxic of this name already.
    #[error("the link has a toxic {name} already, for its {direction}: names are unique")]
    NameTaken {
        /// The name.
        name: String,
        /// The direction that the present one is in.
        direction: Direction,
    },
    /// The link has no toxic of this name.
    #[error("the link has no toxic {name}")]
    NoSuchToxic {
        /// The name.
        name: String,
    },
    /// A toxic cannot be moved into the other direction.
    #[error("toxic {name} is in the {direction}: to move it, remove it and add it again")]
    OtherDirection {
        /// The name.
        name: String,
        /// The direction that it is in.
        direction: Direction,
    },
    /// A toxicity or probability that is none.
    #[error("toxic {toxic}: a {what} of {given} is not possible: it lies between 0 and 1")]
    Probability {
        /// The toxic's name.
        toxic: String,
        /// What it is the probability of.
        what: &'static str,
        /// What was given.
        given: f64,
    },
    /// A time beyond [`DELAY_MAX`].
    #[error("toxic {toxic}: a {what} of {given:?} is too long: at most {DELAY_MAX:?}")]
    Time {
        /// The toxic's name.
        toxic: String,
        /// What it is the time of.
        what: &'static str,
        /// What was given.
        given: Duration,
    },
}
