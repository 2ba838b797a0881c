//! How a Toxiproxy's metrics are read: the text that it shows to Prometheus.

use std::collections::BTreeMap;

/// What crossed a proxy in one direction, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Taken from the sender.
    pub received: u64,
    /// Given to the receiver.
    pub sent: u64,
}

/// What crossed a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProxyBytes {
    /// From clients to the server.
    pub requests: Carried,
    /// From the server to clients.
    pub replies: Carried,
}

/// The bytes of every proxy, by name. What is not about them is passed over.
pub(super) fn bytes(text: &str) -> BTreeMap<String, ProxyBytes> {
    let mut proxies = BTreeMap::<String, ProxyBytes>::new();
    for line in text.lines() {
        let Some((received, labels, count)) = sample(line) else { continue };
        let (Some(name), Some(direction)) = (labels.get("proxy"), labels.get("direction")) else {
            continue;
        };
        let proxy = proxies.entry(name.clone()).or_default();
        let bytes = match direction.as_str() {
            "upstream" => &mut proxy.requests,
            "downstream" => &mut proxy.replies,
            _ => continue,
        };
        // One that listened elsewhere before is told of twice.
        let counter = if received { &mut bytes.received } else { &mut bytes.sent };
        *counter = counter.saturating_add(count);
    }
    proxies
}

/// Whether a line counts what was received, its labels, and the count; if it counts bytes at all.
fn sample(line: &str) -> Option<(bool, BTreeMap<&str, String>, u64)> {
    let line = line.strip_prefix("toxiproxy_proxy_")?;
    let (received, rest) = match line.strip_prefix("received_bytes_total{") {
        Some(rest) => (true, rest),
        None => (false, line.strip_prefix("sent_bytes_total{")?),
    };
    let (labels, rest) = labels(rest)?;
    Some((received, labels, count(rest.split_ascii_whitespace().next()?)?))
}

/// Labels up to the brace that closes them, and what follows it.
fn labels(mut rest: &str) -> Option<(BTreeMap<&str, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (value, after) = unquoted(quoted)?;
        labels.insert(name, value);
        rest = after;
    }
}

/// A value up to its closing quote, and what follows it.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = quoted.chars();
    loop {
        match letters.next()? {
            '"' => return Some((value, letters.as_str())),
            '\\' => value.push(match letters.next()? {
                'n' => '\n',
                letter => letter,
            }),
            letter => value.push(letter),
        }
    }
}

/// A count. Large ones are written as `1.5e+07`.
fn count(text: &str) -> Option<u64> {
    if let Ok(count) = text.parse() {
        return Some(count);
    }
    let count = text.parse::<f64>().ok().filter(|count| (0.0..=9e15).contains(count))?;
    format!("{count:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_by_proxy_and_direction() {
        let text = "\
# HELP toxiproxy_proxy_received_bytes_total Bytes
# TYPE toxiproxy_proxy_received_bytes_total counter
toxiproxy_proxy_received_bytes_total{direction=\"upstream\",listener=\"127.0.0.1:1\",proxy=\"a\",upstream=\"b:2\"} 5
toxiproxy_proxy_sent_bytes_total{direction=\"downstream\",listener=\"127.0.0.1:1\",proxy=\"a\",upstream=\"b:2\"} 1.234567e+06
toxiproxy_proxy_sent_bytes_total{direction=\"upstream\",proxy=\"say \\\"hi\\\\\\n,}\"} 7 1700000000
go_goroutines 12
toxiproxy_proxy_sent_bytes_total{direction=\"upstream\",proxy=\"torn
";
        let requests = Carried { received: 5, sent: 0 };
        let replies = Carried { received: 0, sent: 1_234_567 };
        let other = Carried { received: 0, sent: 7 };
        let expected = [
            (String::from("a"), ProxyBytes { requests, replies }),
            (
                String::from("say \"hi\\\n,}"),
                ProxyBytes { requests: other, replies: Carried::default() },
            ),
        ];
        assert_eq!(bytes(text), BTreeMap::from(expected));
    }
}
