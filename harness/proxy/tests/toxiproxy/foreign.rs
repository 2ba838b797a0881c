//! A client that knows nothing of us: `toxiproxy_rust`, as it is published. It blocks, so it has the
//! test's own thread; it ignores statuses, so everything is looked at through what it reads back
//! and through what happens to real bytes.

use crate::support::{Server, echo_server};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use toxiproxy_rust::client::Client;
use toxiproxy_rust::proxy::{Proxy, ProxyPack};

/// Reading ends here, so that a test that fails does end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A proxy called `echo`, which the client made, in front of an echo.
struct Bench {
    /// Where everything but the client lives.
    _runtime: Runtime,
    client: Client,
    upstream: SocketAddr,
}

fn bench() -> Bench {
    let runtime = Runtime::new().unwrap();
    let (server, upstream) =
        runtime.block_on(async { (Server::start().await, echo_server().await) });
    let client = Client::new(server.address);
    let pack = ProxyPack::new("echo".into(), "localhost:0".into(), upstream.to_string());
    let made = client.populate(vec![pack]).unwrap();
    assert_eq!(made[0].proxy_pack.name, "echo");
    Bench { _runtime: runtime, client, upstream }
}

impl Bench {
    fn proxy(&self) -> Proxy {
        self.client.find_proxy("echo").unwrap()
    }

    fn dial(&self) -> TcpStream {
        dial(&self.proxy()).unwrap()
    }

    /// The toxics that are there, as the client reads them back.
    fn toxics(&self) -> Vec<String> {
        self.proxy().toxics().unwrap().into_iter().map(|toxic| toxic.name).collect()
    }
}

fn dial(proxy: &Proxy) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(&proxy.proxy_pack.listen)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends bytes, reads them back, and says how long that took.
fn echoed(stream: &mut TcpStream, bytes: &[u8]) -> Duration {
    let began = Instant::now();
    stream.write_all(bytes).unwrap();
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, bytes);
    began.elapsed()
}

#[test]
fn proxies_are_found_listed_and_removed() {
    let bench = bench();
    assert!(bench.client.is_running());
    assert!(bench.client.version().unwrap().contains("+gryadka"));
    let all = bench.client.all().unwrap();
    assert_eq!(all.keys().collect::<Vec<_>>(), ["echo"]);
    let pack = &all["echo"].proxy_pack;
    assert_eq!((pack.upstream.clone(), pack.enabled), (bench.upstream.to_string(), true));
    echoed(&mut bench.dial(), b"through");

    // The same listen and upstream is left as it is.
    let same = ProxyPack::new("echo".into(), pack.listen.clone(), pack.upstream.clone());
    bench.proxy().with_latency("downstream".into(), 1, 0, 1.0);
    let made = bench.client.populate(vec![same]).unwrap();
    assert_eq!(made[0].proxy_pack.toxics.len(), 1);

    bench.proxy().delete().unwrap();
    assert!(bench.client.find_proxy("echo").is_err());
    assert!(bench.client.all().unwrap().is_empty());
}

#[test]
fn down_refuses_and_up_again_accepts() {
    let bench = bench();
    let proxy = bench.proxy();
    let mut before = bench.dial();
    echoed(&mut before, b"up");
    proxy
        .with_down(|| {
            let refused = dial(&proxy).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            let reset = before.read(&mut [0]).unwrap_err();
            assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        })
        .unwrap();
    echoed(&mut bench.dial(), b"up again");
}

#[test]
fn latency_and_both_at_once() {
    let bench = bench();
    let mut stream = bench.dial();
    bench
        .proxy()
        .with_latency("downstream".into(), 80, 0, 1.0)
        .with_latency("upstream".into(), 60, 10, 1.0)
        .apply(|| {
            let took = echoed(&mut stream, b"late");
            assert!(took >= Duration::from_millis(130), "{took:?}");
            assert_eq!(bench.toxics(), ["latency_upstream", "latency_downstream"]);
        })
        .unwrap();
    assert_eq!(bench.toxics(), [""; 0]);
}

#[test]
fn bandwidth() {
    let bench = bench();
    let mut stream = bench.dial();
    let apply = bench.proxy().with_bandwidth("downstream".into(), 50, 1.0).apply(|| {
        // 20 kB at 50 kB a second, and half of it for what a bucket lets through at first.
        let took = echoed(&mut stream, &[7; 20_000]);
        assert!(took >= Duration::from_millis(200), "{took:?}");
    });
    apply.unwrap();
}

#[test]
fn slow_close() {
    let bench = bench();
    let mut stream = bench.dial();
    echoed(&mut stream, b"established");
    let apply = bench.proxy().with_slow_close("downstream".into(), 150, 1.0).apply(|| {
        let began = Instant::now();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        assert!(began.elapsed() >= Duration::from_millis(150), "{:?}", began.elapsed());
    });
    apply.unwrap();
}

#[test]
fn timeout() {
    let bench = bench();
    let mut stream = bench.dial();
    echoed(&mut stream, b"established");
    let apply = bench.proxy().with_timeout("downstream".into(), 100, 1.0).apply(|| {
        stream.write_all(b"into the void").unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    });
    apply.unwrap();
    echoed(&mut bench.dial(), b"gone");
}

#[test]
fn slicer() {
    let bench = bench();
    let mut stream = bench.dial();
    let apply = bench.proxy().with_slicer("upstream".into(), 10, 0, 20_000, 1.0).apply(|| {
        let took = echoed(&mut stream, &[7; 100]);
        assert!(took >= Duration::from_millis(160), "{took:?}");
    });
    apply.unwrap();
}

#[test]
fn limit_data() {
    let bench = bench();
    let mut stream = bench.dial();
    let apply = bench.proxy().with_limit_data("downstream".into(), 5, 1.0).apply(|| {
        stream.write_all(b"five and more").unwrap();
        let mut came = Vec::new();
        stream.read_to_end(&mut came).unwrap();
        assert_eq!(came, b"five ");
    });
    apply.unwrap();
    echoed(&mut bench.dial(), b"five and more");
}

#[test]
fn reset_and_find_and_reset() {
    let bench = bench();
    let proxy = bench.proxy();
    for heal in [true, false] {
        proxy.with_timeout("downstream".into(), 0, 1.0).with_bandwidth("upstream".into(), 0, 1.0);
        proxy.disable().unwrap();
        assert_eq!(bench.toxics(), ["bandwidth_upstream", "timeout_downstream"]);
        assert!(!bench.proxy().proxy_pack.enabled);
        if heal {
            bench.client.reset().unwrap();
        } else {
            bench.client.find_and_reset_proxy("echo").unwrap();
        }
        assert_eq!(bench.toxics(), [""; 0]);
        echoed(&mut bench.dial(), b"healed");
    }
}
