//! An acceptor of its own, for where there is no Redis: the pure rules behind a TCP port.
//!
//! It speaks Redis' framing, so that the same client, the same proxy and the same probes serve both.
//! Commands: `PREPARE key counter proposer`, `ACCEPT key counter proposer next-counter
//! next-proposer [value]`, `PING`. Registers are kept in memory only, by a handle that outlives the
//! server, so that a server may be stopped and started again as if its disk had kept everything.

use bytes::Bytes;
use caspaxos::{Ballot, Faithful, Held, ProposerId, Register, Reply, Request};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Longest line and longest argument that are taken, in bytes.
const LIMITS: (u64, usize) = (64, 512 << 20);

/// What an acceptor has promised and accepted: its disk, as it were.
#[derive(Debug, Clone, Default)]
pub struct NativeRegisters {
    registers: Arc<Mutex<HashMap<Bytes, Register<Bytes>>>>,
}

impl NativeRegisters {
    fn handle(&self, key: Bytes, request: Request<Bytes>) -> Reply<Bytes> {
        let mut registers = self.registers.lock().unwrap_or_else(PoisonError::into_inner);
        registers.entry(key).or_default().handle(&Faithful, request)
    }
}

/// A running acceptor. Dropping it closes its port and resets its connections.
#[derive(Debug)]
pub struct NativeServer {
    address: SocketAddr,
    task: AbortHandle,
}

impl NativeServer {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// What the system says when the port cannot be had.
    pub fn start(address: SocketAddr, registers: NativeRegisters) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(1024)?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, registers)).abort_handle();
        Ok(Self { address, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NativeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, registers: NativeRegisters) {
    // The set aborts its tasks when it is dropped, so connections end with the server.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let registers = registers.clone();
                connections.spawn(async move {
                    if let Err(error) = serve(stream, registers).await {
                        tracing::debug!(%error, "connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(mut stream: TcpStream, registers: NativeRegisters) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.split();
    let (mut reader, mut writer) = (BufReader::new(reader), BufWriter::new(writer));
    while let Some(command) = read_command(&mut reader).await? {
        write_reply(&mut writer, answer(&command, &registers)).await?;
        // Pipelined requests are answered together.
        if reader.buffer().is_empty() {
            writer.flush().await?;
        }
    }
    Ok(())
}

enum Answer {
    Status(&'static str),
    Error(&'static str),
    Protocol(Reply<Bytes>),
}

fn answer(command: &[Bytes], registers: &NativeRegisters) -> Answer {
    let name = command.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
    match name.as_slice() {
        b"PING" => Answer::Status("PONG"),
        // Clients introduce themselves, which is of no interest here.
        b"CLIENT" => Answer::Status("OK"),
        b"PREPARE" | b"ACCEPT" => request(command)
            .map_or(Answer::Error("ERR wrong arguments"), |(key, request)| {
                Answer::Protocol(registers.handle(key, request))
            }),
        _ => Answer::Error("ERR unknown command"),
    }
}

fn request(command: &[Bytes]) -> Option<(Bytes, Request<Bytes>)> {
    let number = |at: usize| std::str::from_utf8(command.get(at)?).ok()?.parse().ok();
    let ballot = |at| Some(Ballot { counter: number(at)?, proposer: ProposerId(number(at + 1)?) });
    let key = command.get(1)?.clone();
    match command.len() {
        4 => Some((key, Request::Prepare { ballot: ballot(2)? })),
        6 | 7 => {
            let value = command.get(6).cloned();
            Some((key, Request::Accept { ballot: ballot(2)?, value, promise: ballot(4)? }))
        }
        _ => None,
    }
}

/// Reads one array of strings. `None` when the client has closed the connection.
async fn read_command(
    reader: &mut (impl AsyncBufReadExt + Unpin),
) -> io::Result<Option<Vec<Bytes>>> {
    let Some(count) = read_length(reader, b'*').await? else { return Ok(None) };
    let mut command = Vec::new();
    for _ in 0..count {
        let length = read_length(reader, b'$').await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; length + 2];
        reader.read_exact(&mut bytes).await?;
        if !bytes.ends_with(b"\r\n") {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.truncate(length);
        command.push(Bytes::from(bytes));
    }
    Ok(Some(command))
}

async fn read_length(
    reader: &mut (impl AsyncBufReadExt + Unpin),
    mark: u8,
) -> io::Result<Option<usize>> {
    let mut line = Vec::new();
    reader.take(LIMITS.0).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    let digits = line.strip_prefix(&[mark]).and_then(|line| line.strip_suffix(b"\r\n"));
    let length = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match length {
        Some(length) if length <= LIMITS.1 => Ok(Some(length)),
        Some(_) | None => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn write_reply(writer: &mut (impl AsyncWriteExt + Unpin), answer: Answer) -> io::Result<()> {
    match answer {
        Answer::Status(text) => writer.write_all(format!("+{text}\r\n").as_bytes()).await,
        Answer::Error(text) => writer.write_all(format!("-{text}\r\n").as_bytes()).await,
        Answer::Protocol(Reply::Accepted) => writer.write_all(b"*1\r\n:1\r\n").await,
        Answer::Protocol(Reply::Promise { accepted, value }) => {
            let Ballot { counter, proposer } = accepted;
            let head = format!("*4\r\n:1\r\n:{counter}\r\n:{}\r\n", proposer.0);
            writer.write_all(head.as_bytes()).await?;
            let Some(value) = value else { return writer.write_all(b"$-1\r\n").await };
            writer.write_all(format!("${}\r\n", value.len()).as_bytes()).await?;
            writer.write_all(&value).await?;
            writer.write_all(b"\r\n").await
        }
        Answer::Protocol(Reply::Conflict(held) | Reply::Refused(held)) => {
            let Held { promised, accepted } = held;
            let [pc, pp] = [promised.counter, promised.proposer.0];
            let [ac, ap] = [accepted.counter, accepted.proposer.0];
            let text = format!("*5\r\n:0\r\n:{pc}\r\n:{pp}\r\n:{ac}\r\n:{ap}\r\n");
            writer.write_all(text.as_bytes()).await
        }
    }
}
