//! Where a link leads to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// The server behind a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// At a fixed address.
    Address(SocketAddr),
    /// At whatever address the name stands for at the moment that a client comes.
    Name {
        /// The name of the host.
        host: String,
        /// Its port.
        port: u16,
    },
}

impl Upstream {
    pub(crate) async fn dial(&self) -> io::Result<TcpStream> {
        match self {
            Self::Address(address) => TcpStream::connect(address).await,
            Self::Name { host, port } => TcpStream::connect((host.as_str(), *port)).await,
        }
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}
