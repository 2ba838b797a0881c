//! What the tests talk through.

use harness_proxy::{Direction, Effect, Link, Toxic, Traffic};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a test watches for bytes that must not come.
const QUIET: Duration = Duration::from_millis(60);

/// What must come ends here, so that a test in which it never does fails by its name.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that must come.
async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(PATIENCE, coming).await;
    came.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A link with a server of the test's own behind it.
pub(crate) struct Bench {
    pub(crate) link: Link,
    pub(crate) server: TcpListener,
}

impl Bench {
    pub(crate) async fn open() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = Link::open(server.local_addr().unwrap(), 1).await.unwrap();
        Self { link, server }
    }

    /// Puts a toxic on, which applies to all connections.
    pub(crate) fn add(&self, name: &str, direction: Direction, effect: Effect) {
        self.link.add(toxic(name, direction, effect)).unwrap();
    }

    /// Holds back both ways, by the toxics `to` and `fro`.
    pub(crate) fn blackhole(&self) {
        self.add("to", Direction::Requests, Effect::Blackhole);
        self.add("fro", Direction::Replies, Effect::Blackhole);
    }

    pub(crate) async fn client(&self) -> TcpStream {
        TcpStream::connect(self.link.address()).await.unwrap()
    }

    /// The server's end of the next connection.
    pub(crate) async fn accept(&self) -> TcpStream {
        soon("a connection", self.server.accept()).await.unwrap().0
    }

    /// Both ends of a new connection across the link, through which something has passed.
    pub(crate) async fn pair(&self) -> (TcpStream, TcpStream) {
        let mut client = self.client().await;
        let mut server = self.accept().await;
        passes(&mut client, &mut server).await;
        passes(&mut server, &mut client).await;
        (client, server)
    }

    /// As [`Bench::pair`], and what has passed is RESP.
    pub(crate) async fn redis_pair(&self) -> (TcpStream, TcpStream) {
        let mut client = self.client().await;
        let mut server = self.accept().await;
        send(&mut client, PING).await;
        receive(&mut server, PING).await;
        send(&mut server, PONG).await;
        receive(&mut client, PONG).await;
        (client, server)
    }

    /// Waits until what the link counts is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(Traffic) -> bool) {
        soon("the traffic that is wanted", async {
            while !wanted(self.link.traffic()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

pub(crate) const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
pub(crate) const PONG: &[u8] = b"+PONG\r\n";

pub(crate) fn toxic(name: &str, direction: Direction, effect: Effect) -> Toxic {
    Toxic { name: name.to_owned(), direction, toxicity: 1.0, effect }
}

/// A server that says everything back.
pub(crate) async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut source, mut sink) = stream.split();
                tokio::io::copy(&mut source, &mut sink).await
            });
        }
    });
    address
}

pub(crate) async fn passes(from: &mut TcpStream, to: &mut TcpStream) {
    send(from, b"hello").await;
    receive(to, b"hello").await;
}

pub(crate) async fn send(from: &mut TcpStream, bytes: &[u8]) {
    from.write_all(bytes).await.unwrap();
}

/// Reads as many bytes as are expected, and these.
pub(crate) async fn receive(at: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    soon("bytes", at.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

/// Watches for a while that nothing comes, not even an end.
pub(crate) async fn nothing_comes(at: &mut TcpStream) {
    let came = tokio::time::timeout(QUIET, at.read_u8()).await;
    assert!(came.is_err(), "{came:?}");
}

/// Reads to the end, and says what came and how it ended: `None` is a proper close.
pub(crate) async fn rest(at: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let end = soon("an end", at.read_to_end(&mut bytes)).await;
    (bytes, end.err().map(|error| error.kind()))
}

pub(crate) const RESET: (Vec<u8>, Option<ErrorKind>) =
    (Vec::new(), Some(ErrorKind::ConnectionReset));
pub(crate) const CLOSED: (Vec<u8>, Option<ErrorKind>) = (Vec::new(), None);

/// Bytes that are different everywhere, so that a gap or a swap shows.
pub(crate) fn numbered(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_be_bytes).collect()
}
