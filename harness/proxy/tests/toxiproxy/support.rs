//! What the tests talk through: a server of ours, plain HTTP, and an echo behind it.

use harness_proxy::ProxyServer;
use serde_json::{Value, json};
use std::fmt::Write;
use std::future::{Future, pending};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Waiting for something that must happen ends here, so that a test that fails does end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a test watches for bytes that must not come.
const QUIET: Duration = Duration::from_millis(60);

/// A proxy server of ours.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
}

/// An answer: its status and its body.
pub(crate) type Answer = (u16, String);

impl Server {
    pub(crate) async fn start() -> Self {
        Self::seeded(1).await
    }

    pub(crate) async fn seeded(seed: u64) -> Self {
        let server = ProxyServer::bind("127.0.0.1:0".parse().unwrap(), seed).await.unwrap();
        let address = server.address();
        tokio::spawn(server.run(pending()));
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a request, such as `GET /proxies`, with nothing but what HTTP asks for.
    pub(crate) async fn ask(&self, request: &str, body: &str) -> Answer {
        self.ask_as("test", request, body).await
    }

    pub(crate) async fn ask_as(&self, agent: &str, request: &str, body: &str) -> Answer {
        let (head, body) = self.whole_answer(agent, request, body).await;
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }

    /// The head of an answer, and its body.
    pub(crate) async fn whole_answer(
        &self,
        agent: &str,
        request: &str,
        body: &str,
    ) -> (String, String) {
        let head = format!(
            "{request} HTTP/1.1\r\nHost: proxy\r\nUser-Agent: {agent}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut answer = String::new();
        soon(async {
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            stream.read_to_string(&mut answer).await.unwrap();
        })
        .await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Makes a proxy called `p` in front of `upstream`, and says where it listens.
    pub(crate) async fn proxy(&self, upstream: &str) -> SocketAddr {
        let body = json!({"name": "p", "listen": "127.0.0.1:0", "upstream": upstream});
        let (status, answer) = self.ask("POST /proxies", &body.to_string()).await;
        assert_eq!(status, 201, "{answer}");
        let proxy: Value = serde_json::from_str(&answer).unwrap();
        proxy["listen"].as_str().unwrap().parse().unwrap()
    }

    /// Adds a toxic called `t` to the proxy `p`.
    pub(crate) async fn poison(&self, stream: &str, kind: &str, attributes: Value) {
        let body = json!({"name": "t", "stream": stream, "type": kind, "attributes": attributes});
        let (status, answer) = self.ask("POST /proxies/p/toxics", &body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Removes it again.
    pub(crate) async fn cure(&self) {
        assert_eq!(self.ask("DELETE /proxies/p/toxics/t", "").await, (204, String::new()));
    }
}

/// A server of ours with a proxy called `p` in front of an echo.
pub(crate) struct Echo {
    pub(crate) server: Server,
    pub(crate) proxy: SocketAddr,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let server = Server::start().await;
        let proxy = server.proxy(&echo_server().await.to_string()).await;
        Self { server, proxy }
    }

    pub(crate) async fn client(&self) -> TcpStream {
        TcpStream::connect(self.proxy).await.unwrap()
    }

    /// A client whose connection stands from end to end.
    pub(crate) async fn established(&self) -> TcpStream {
        let mut client = self.client().await;
        echoes(&mut client, b"hello").await;
        client
    }
}

/// Asks one thing after the other, and gives what there was to read. Ports that were drawn are
/// replaced by `PORT`.
pub(crate) async fn conversation(server: &Server, asked: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (request, body) in asked {
        let (status, answer) = server.ask(request, body).await;
        writeln!(text, "{}", format!("{request} {body}").trim_end()).unwrap();
        let answer = format!("  {status} {}", without_ports(&answer));
        writeln!(text, "{}", answer.trim_end()).unwrap();
    }
    text
}

fn without_ports(answer: &str) -> String {
    let mut parts = answer.split("\"listen\":\"127.0.0.1:");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        text += "\"listen\":\"127.0.0.1:PORT";
        text += rest;
    }
    text
}

/// A server that says everything back.
pub(crate) async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut source, mut sink) = stream.split();
                drop(tokio::io::copy(&mut source, &mut sink).await);
            });
        }
    });
    address
}

/// Waits, but not for ever.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("waited in vain")
}

pub(crate) async fn send(to: &mut TcpStream, bytes: &[u8]) {
    soon(to.write_all(bytes)).await.unwrap();
}

/// Reads as many bytes as are expected, and these.
pub(crate) async fn receive(from: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    soon(from.read_exact(&mut bytes)).await.unwrap();
    assert!(bytes == expected, "{} bytes, and not those expected", bytes.len());
}

pub(crate) async fn echoes(client: &mut TcpStream, bytes: &[u8]) {
    send(client, bytes).await;
    receive(client, bytes).await;
}

/// Watches for a while that nothing comes, not even an end.
pub(crate) async fn nothing_comes(from: &mut TcpStream) {
    let came = tokio::time::timeout(QUIET, from.read_u8()).await;
    assert!(came.is_err(), "{came:?}");
}

/// Reads to the end, and says what came and how it ended: `None` is a proper close.
pub(crate) async fn rest(from: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let end = soon(from.read_to_end(&mut bytes)).await;
    (bytes, end.err().map(|error| error.kind()))
}

pub(crate) const CLOSED: (Vec<u8>, Option<ErrorKind>) = (Vec::new(), None);
pub(crate) const RESET: (Vec<u8>, Option<ErrorKind>) =
    (Vec::new(), Some(ErrorKind::ConnectionReset));

/// Bytes that are different everywhere, so that a gap or a swap shows.
pub(crate) fn numbered(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_be_bytes).collect()
}
