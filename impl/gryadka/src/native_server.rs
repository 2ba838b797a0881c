//! A native acceptor's port: Redis' framing, so that the same client, the same proxy and the same
//! probes serve both. What is behind it is in `native_registers.rs`.

use crate::native_registers::{NativeRegisters, RespValue};
use bytes::Bytes;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// The longest line of RESP, in bytes.
const LONGEST_LINE_BYTES: u64 = 64;
/// How many arguments a command has at most.
const MOST_ARGUMENTS: usize = 1 << 16;
/// The longest argument, in bytes: as in Redis.
const LONGEST_ARGUMENT_BYTES: usize = 512 << 20;

/// How many bytes of replies are gathered before they are written; one reply may be longer.
const WRITE_BUFFER_BYTES: usize = 64 << 10;

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
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    let mut out = Vec::new();
    while let Some(command) = read_command(&mut reader).await? {
        write(&mut out, &registers.execute(&command));
        // Pipelined requests are answered together, as far as their replies are short.
        if reader.buffer().is_empty() || out.len() >= WRITE_BUFFER_BYTES {
            writer.write_all(&out).await?;
            out.clear();
            out.shrink_to(WRITE_BUFFER_BYTES);
        }
    }
    Ok(())
}

/// Reads one array of strings. `None` when the client has closed the connection.
async fn read_command(
    reader: &mut (impl AsyncBufReadExt + Unpin),
) -> io::Result<Option<Vec<Bytes>>> {
    let Some(count) = read_length(reader, b'*', MOST_ARGUMENTS).await? else { return Ok(None) };
    let mut command = Vec::new();
    for _ in 0..count {
        let length = read_length(reader, b'$', LONGEST_ARGUMENT_BYTES).await?;
        let length = length.ok_or(io::ErrorKind::UnexpectedEof)?;
        // Memory is taken for what has come, not for what was announced.
        let mut bytes = Vec::new();
        let end = u64::try_from(length + 2).map_err(|_| io::ErrorKind::InvalidData)?;
        reader.take(end).read_to_end(&mut bytes).await?;
        if bytes.len() < length + 2 || !bytes.ends_with(b"\r\n") {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.truncate(length);
        // A value of it is kept: what the buffer has beyond its length is not.
        command.push(Bytes::from(bytes.into_boxed_slice()));
    }
    Ok(Some(command))
}

async fn read_length(
    reader: &mut (impl AsyncBufReadExt + Unpin),
    kind: u8,
    most: usize,
) -> io::Result<Option<usize>> {
    let mut line = Vec::new();
    reader.take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    let digits = line.strip_prefix(&[kind]).and_then(|line| line.strip_suffix(b"\r\n"));
    let length = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match length {
        Some(length) if length <= most => Ok(Some(length)),
        Some(_) | None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn write(out: &mut Vec<u8>, value: &RespValue) {
    match value {
        RespValue::Status(text) => out.extend_from_slice(format!("+{text}\r\n").as_bytes()),
        RespValue::Error(text) => out.extend_from_slice(format!("-{text}\r\n").as_bytes()),
        RespValue::Number(number) => out.extend_from_slice(format!(":{number}\r\n").as_bytes()),
        RespValue::Nil => out.extend_from_slice(b"$-1\r\n"),
        RespValue::Text(text) => {
            out.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
        RespValue::Array(items) => {
            out.extend_from_slice(format!("*{}\r\n", items.len()).as_bytes());
            for item in items {
                write(out, item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_argument_takes_as_much_memory_as_it_is_long() {
        let command = format!("*2\r\n$3\r\nSET\r\n$1100\r\n{}\r\n", "v".repeat(1100));
        let read = read_command(&mut command.as_bytes()).await.unwrap().unwrap();
        let lengths = read.into_iter().map(|bytes| {
            let length = bytes.len();
            (length, bytes.try_into_mut().unwrap().capacity())
        });
        assert_eq!(lengths.collect::<Vec<_>>(), [(3, 3), (1100, 1100)]);
    }
}
