//! How a link refuses connections and yet keeps its port.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Shutdown, SocketAddr};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A port that nobody else can take as long as this lives.
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
    /// Takes the port of `address`; port 0 stands for a free one.
    pub(crate) fn take(address: SocketAddr) -> io::Result<Self> {
        // The second attempt gets past what is left of closed connections, not past somebody who
        // has the port. It is not the first because of two who would both allow it.
        let bound = match exclusive(address, false) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => exclusive(address, true),
            other => other,
        }?;
        // Only now may a second socket be bound beside it.
        bound.set_reuse_address(false)?;
        bound.set_reuse_port(true)?;
        let address = bound.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { address, _bound: bound })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to accept connections.
    pub(crate) fn listen(&self) -> io::Result<(std::net::TcpListener, Listening)> {
        let socket = socket_for(self.address)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.bind(&self.address.into())?;
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

fn exclusive(address: SocketAddr, reuse: bool) -> io::Result<Socket> {
    let socket = socket_for(address)?;
    socket.set_reuse_address(reuse)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn socket_for(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    fn any() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    fn refused(address: SocketAddr) -> bool {
        TcpStream::connect(address)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }

    #[test]
    fn connections_are_refused_from_the_moment_it_stops_listening_and_accepted_again_after() {
        let port = Port::take(any()).unwrap();
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
        let port = Port::take(any()).unwrap();
        let taken = TcpListener::bind(port.address()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
    #[test]
    fn a_port_is_taken_once_listening_or_not() {
        let port = Port::take(any()).unwrap();
        let taken = |port: &Port| Port::take(port.address()).unwrap_err().kind();
        assert_eq!(taken(&port), io::ErrorKind::AddrInUse);
        let listening = port.listen().unwrap();
        assert_eq!(taken(&port), io::ErrorKind::AddrInUse);
        drop(listening);
        assert_eq!(taken(&port), io::ErrorKind::AddrInUse);
        let address = port.address();
        drop(port);
        assert_eq!(Port::take(address).unwrap().address(), address);
    }

    #[test]
    fn a_port_whose_connections_linger_can_be_taken_again() {
        let port = Port::take(any()).unwrap();
        let (socket, listening) = port.listen().unwrap();
        let mut client = TcpStream::connect(port.address()).unwrap();
        // Closed by the server first, so that its end waits for stray segments.
        drop(socket.accept().unwrap());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop((client, socket, listening));
        let address = port.address();
        drop(port);
        Port::take(address).unwrap().listen().unwrap();
    }
}
