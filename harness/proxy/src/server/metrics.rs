//! What Prometheus reads: bytes under Toxiproxy's own names, and what ours counts beside.
//!
//! The text is written by hand, because Prometheus' older format, which Toxiproxy uses, differs from
//! what the client library writes: there, counters are announced without their `_total`.

use super::registry::Crossed;
use crate::{Flow, Traffic};
use std::fmt::{self, Write as _};

/// The media type of the text.
pub(super) const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Something that is counted of a `T`.
struct Metric<T> {
    /// After the prefix.
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    count: fn(&T) -> u64,
}

/// One that only grows.
const fn counter<T>(name: &'static str, help: &'static str, count: fn(&T) -> u64) -> Metric<T> {
    Metric { name, kind: "counter", help, count }
}

/// One that comes and goes.
const fn gauge<T>(name: &'static str, help: &'static str, count: fn(&T) -> u64) -> Metric<T> {
    Metric { name, kind: "gauge", help, count }
}

/// Counted in each direction.
const FLOWS: [Metric<Flow>; 2] = [
    counter("received_bytes_total", "Bytes taken from the sender", |flow| flow.received),
    counter("sent_bytes_total", "Bytes given to the receiver", |flow| flow.bytes),
];

/// Counted of a proxy as a whole.
const WHOLES: [Metric<Traffic>; 8] = [
    counter("accepted_connections_total", "Connections accepted", |all| all.accepted),
    gauge("open_connections", "Connections being served", |all| all.open),
    counter("reset_connections_total", "Connections ended by a reset", |all| all.reset),
    counter("unreachable_total", "Connections without a server", |all| all.unreachable),
    counter("lost_messages_total", "Messages lost with their connection", |all| all.lost),
    counter("dropped_messages_total", "Messages left out", |all| all.dropped),
    counter("corrupted_chunks_total", "Chunks with a bit flipped", |all| all.corrupted),
    gauge("held_bytes", "Bytes taken and not yet given", |all| all.held),
];

/// Everything, as text.
pub(super) fn text(proxies: &[Crossed]) -> String {
    let mut text = String::new();
    // A string takes anything, so nothing is ever missing.
    if write(&mut text, proxies).is_err() {
        text.clear();
    }
    text
}

fn write(text: &mut String, proxies: &[Crossed]) -> fmt::Result {
    for metric in FLOWS {
        announce(text, &metric)?;
        for proxy in proxies {
            let Traffic { requests, replies, .. } = proxy.traffic;
            for (direction, flow) in [("downstream", replies), ("upstream", requests)] {
                let direction = format!("direction=\"{direction}\",");
                sample(text, metric.name, &direction, proxy, (metric.count)(&flow))?;
            }
        }
    }
    for metric in WHOLES {
        announce(text, &metric)?;
        for proxy in proxies {
            sample(text, metric.name, "", proxy, (metric.count)(&proxy.traffic))?;
        }
    }
    Ok(())
}

fn announce<T>(text: &mut String, metric: &Metric<T>) -> fmt::Result {
    let Metric { name, kind, help, .. } = metric;
    writeln!(text, "# HELP toxiproxy_proxy_{name} {help}\n# TYPE toxiproxy_proxy_{name} {kind}")
}

fn sample(
    text: &mut String,
    name: &str,
    direction: &str,
    proxy: &Crossed,
    count: u64,
) -> fmt::Result {
    let (listener, upstream) = (escaped(&proxy.listen), escaped(&proxy.upstream));
    let labels = format!(
        "{direction}listener=\"{listener}\",proxy=\"{}\",upstream=\"{upstream}\"",
        escaped(&proxy.name)
    );
    writeln!(text, "toxiproxy_proxy_{name}{{{labels}}} {count}")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_toxiproxys_names_and_labels() {
        let traffic = Traffic {
            open: 1,
            held: 2,
            requests: Flow { received: 10, bytes: 8, chunks: 1 },
            replies: Flow { received: 5, bytes: 5, chunks: 1 },
            ..Traffic::default()
        };
        let proxy = Crossed {
            name: String::from("a \"b\""),
            listen: String::from("127.0.0.1:1"),
            upstream: String::from("redis:6379"),
            traffic,
        };
        let text = text(&[proxy]);
        let shown: Vec<&str> = text
            .lines()
            .filter(|line| ["_bytes", "open"].iter().any(|part| line.contains(part)))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        # HELP toxiproxy_proxy_received_bytes_total Bytes taken from the sender
        # TYPE toxiproxy_proxy_received_bytes_total counter
        toxiproxy_proxy_received_bytes_total{direction="downstream",listener="127.0.0.1:1",proxy="a \"b\"",upstream="redis:6379"} 5
        toxiproxy_proxy_received_bytes_total{direction="upstream",listener="127.0.0.1:1",proxy="a \"b\"",upstream="redis:6379"} 10
        # HELP toxiproxy_proxy_sent_bytes_total Bytes given to the receiver
        # TYPE toxiproxy_proxy_sent_bytes_total counter
        toxiproxy_proxy_sent_bytes_total{direction="downstream",listener="127.0.0.1:1",proxy="a \"b\"",upstream="redis:6379"} 5
        toxiproxy_proxy_sent_bytes_total{direction="upstream",listener="127.0.0.1:1",proxy="a \"b\"",upstream="redis:6379"} 8
        # HELP toxiproxy_proxy_open_connections Connections being served
        # TYPE toxiproxy_proxy_open_connections gauge
        toxiproxy_proxy_open_connections{listener="127.0.0.1:1",proxy="a \"b\"",upstream="redis:6379"} 1
        # HELP toxiproxy_proxy_held_bytes Bytes taken and not yet given
        # TYPE toxiproxy_proxy_held_bytes gauge
        toxiproxy_proxy_held_bytes{listener="127.0.0.1:1",proxy="a \"b\"",upstream="redis:6379"} 2
        "#);
    }
}
