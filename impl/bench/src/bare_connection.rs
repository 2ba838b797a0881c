//! One bare connection to one server: calls go out from a tape, replies are counted.

use crate::BenchError;
use crate::resp;
use crate::servers::Server;
use crate::tape::Tape;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;

/// How many seconds all servers together may be silent before the run fails.
const SILENCE_TIMEOUT_SECONDS: u16 = 10;
/// How much is read at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// A connection on which calls are sent without waiting for the replies of those before.
pub(crate) struct BareConnection {
    address: SocketAddr,
    stream: TcpStream,
    /// The one reply that a call should have.
    expected: Vec<u8>,
    /// Bytes of the tape that are sent.
    written: usize,
    /// Calls of the tape that are sent or about to be, and their bytes.
    asked: usize,
    asked_bytes: usize,
    /// Calls of the tape that are answered.
    answered: usize,
    /// The read buffer, and how many of its bytes are an incomplete reply.
    incoming: Vec<u8>,
    filled: usize,
}

impl BareConnection {
    /// Connects, and authenticates where the address has a password.
    pub(crate) fn open(server: &Server) -> Result<Self, BenchError> {
        let address = server.address();
        let failed = |source| BenchError::BareConnection { address, source };
        let mut stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        if let Some(login) = server.login() {
            stream.write_all(&login).map_err(failed)?;
            let mut reply = [0; b"+OK\r\n".len()];
            stream.read_exact(&mut reply).map_err(failed)?;
            if &reply != b"+OK\r\n" {
                return Err(failed(io::Error::other("the server refused the login")));
            }
        }
        stream.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            address,
            stream,
            expected: Vec::new(),
            written: 0,
            asked: 0,
            asked_bytes: 0,
            answered: 0,
            incoming: vec![0; CHUNK_BYTES],
            filled: 0,
        })
    }

    /// Begins a new tape. All calls of the old one must be answered.
    fn begin(&mut self, expected: &[u8]) {
        self.expected = expected.to_vec();
        (self.written, self.asked, self.asked_bytes, self.answered) = (0, 0, 0, 0);
    }

    /// How many calls of this tape are answered.
    pub(crate) const fn answered(&self) -> usize {
        self.answered
    }

    /// How many calls wait for their answer.
    pub(crate) const fn under_way(&self) -> usize {
        self.asked - self.answered
    }

    /// Has calls sent up to the first `calls` of the tape, and writes what the socket takes now.
    pub(crate) fn send(&mut self, tape: &mut Tape<'_>, calls: usize) -> Result<(), BenchError> {
        self.asked = self.asked.max(calls);
        tape.reach(self.asked);
        let mut rest = tape.upto(self.written, self.asked);
        self.asked_bytes = self.written + rest.len();
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Err(self.failed(ErrorKind::WriteZero.into())),
                Ok(taken) => {
                    self.written += taken;
                    rest = &rest[taken..];
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    /// Reads what is there now and counts its replies.
    fn receive(&mut self) -> Result<(), BenchError> {
        if self.filled == self.incoming.len() {
            self.incoming.resize(2 * self.filled, 0);
        }
        match self.stream.read(&mut self.incoming[self.filled..]) {
            Ok(0) => return Err(self.failed(ErrorKind::UnexpectedEof.into())),
            Ok(got) => self.filled += got,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(self.failed(error)),
        }
        self.count()
    }

    fn count(&mut self) -> Result<(), BenchError> {
        let mut at = 0;
        loop {
            let rest = &self.incoming[at..self.filled];
            let framing = |resp::Malformed| BenchError::Framing { address: self.address };
            if rest.starts_with(&self.expected) {
                at += self.expected.len();
                self.answered += 1;
            } else if let Some(length) = resp::reply_length(rest).map_err(framing)? {
                let reply = String::from_utf8_lossy(&rest[..length]).trim_end().to_owned();
                return Err(BenchError::UnexpectedReply { address: self.address, reply });
            } else {
                break;
            }
        }
        self.incoming.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }

    const fn failed(&self, source: io::Error) -> BenchError {
        BenchError::BareConnection { address: self.address, source }
    }
}

/// Begins a new tape on all connections. Every call on it should have this reply.
pub(crate) fn begin(connections: &mut [BareConnection], expected: &[u8]) {
    connections.iter_mut().for_each(|connection| connection.begin(expected));
}

/// Waits until a server has answered or takes more, and reads what has come.
pub(crate) fn exchange(connections: &mut [BareConnection]) -> Result<(), BenchError> {
    let interest = |connection: &BareConnection| {
        let unsent = connection.written < connection.asked_bytes;
        if unsent { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN }
    };
    let mut sockets: Vec<_> = connections
        .iter()
        .map(|connection| PollFd::new(connection.stream.as_fd(), interest(connection)))
        .collect();
    let timeout = PollTimeout::from(SILENCE_TIMEOUT_SECONDS * 1_000);
    match poll(&mut sockets, timeout) {
        Ok(0) => return Err(BenchError::Silent { seconds: SILENCE_TIMEOUT_SECONDS }),
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(BenchError::System { what: "poll", source: error.into() }),
    }
    let answered = |socket: &PollFd<'_>| {
        socket.revents().is_some_and(|seen| !(seen - PollFlags::POLLOUT).is_empty())
    };
    let ready: Vec<_> = sockets.iter().map(answered).collect();
    connections
        .iter_mut()
        .zip(ready)
        .filter(|(_, ready)| *ready)
        .try_for_each(|(connection, _)| connection.receive())
}

/// Waits until every call under way is answered, so that the next case finds quiet servers.
pub(crate) fn drain(
    connections: &mut [BareConnection],
    tape: &mut Tape<'_>,
) -> Result<(), BenchError> {
    while connections.iter().any(|connection| connection.under_way() > 0) {
        for connection in &mut *connections {
            connection.send(tape, 0)?;
        }
        exchange(connections)?;
    }
    Ok(())
}
