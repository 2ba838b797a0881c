//! How a link refuses connections and yet keeps its port.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A port of 127.0.0.1 that nobody else can take as long as this lives.
///
/// The socket is bound and never listens. Alone, it makes the system refuse connections; a second
/// one, bound beside it with `SO_REUSEPORT`, accepts them.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    _bound: Socket,
}

/// A socket that accepts connections until this is dropped. From that moment the system refuses
/// them, even if a task still has its hands on the socket.
#[derive(Debug)]
pub(crate) struct Listening(Socket);

impl Port {
    /// Takes a free port.
    pub(crate) fn take() -> io::Result<Self> {
        let bound = bound_to((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = bound.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { address, _bound: bound })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to accept connections.
    pub(crate) fn listen(&self) -> io::Result<(std::net::TcpListener, Listening)> {
        let socket = bound_to(self.address)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listening = Listening(socket.try_clone()?);
        Ok((socket.into(), listening))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Closing alone would not do: the accepting task has the socket open until it runs next.
        if let Err(error) = self.0.shutdown(Shutdown::Both) {
            tracing::warn!(%error, "a listening socket would not shut down");
        }
    }
}

fn bound_to(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn refused(address: SocketAddr) -> bool {
        TcpStream::connect(address)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }

    #[test]
    fn connections_are_refused_from_the_moment_it_stops_listening_and_accepted_again_after() {
        let port = Port::take().unwrap();
        assert!(refused(port.address()));
        for _ in 0..3 {
            let (socket, listening) = port.listen().unwrap();
            assert!(TcpStream::connect(port.address()).is_ok());
            drop(listening);
            assert!(refused(port.address()), "although the socket is still open");
            drop(socket);
            assert!(refused(port.address()));
        }
    }

    #[test]
    fn nobody_else_gets_the_port_while_it_refuses() {
        let port = Port::take().unwrap();
        let taken = TcpListener::bind(port.address()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
}
