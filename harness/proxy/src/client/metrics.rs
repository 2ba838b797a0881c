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
    /// Requests and replies lost with their connection, by the toxic `loss`; told by ours only.
    pub lost: Option<u64>,
    /// Requests and replies left out, by the toxic `drop`; told by ours only.
    pub dropped: Option<u64>,
}

/// The bytes of every proxy, by name, and the messages that it lost. What is not about them is passed
/// over.
pub(super) fn bytes(text: &str) -> BTreeMap<String, ProxyBytes> {
    let mut proxies = BTreeMap::<String, ProxyBytes>::new();
    for sample in text.lines().filter_map(sample) {
        let Some(name) = sample.labels.get("proxy") else { continue };
        let direction = sample.labels.get("direction").map(String::as_str);
        let proxy = proxies.entry(name.clone()).or_default();
        let counter = match (sample.metric, direction) {
            ("received_bytes_total", Some("upstream")) => &mut proxy.requests.received,
            ("received_bytes_total", Some("downstream")) => &mut proxy.replies.received,
            ("sent_bytes_total", Some("upstream")) => &mut proxy.requests.sent,
            ("sent_bytes_total", Some("downstream")) => &mut proxy.replies.sent,
            ("lost_messages_total", _) => proxy.lost.get_or_insert(0),
            ("dropped_messages_total", _) => proxy.dropped.get_or_insert(0),
            _ => continue,
        };
        // One that listened elsewhere before is told of twice.
        *counter = counter.saturating_add(sample.count);
    }
    proxies
}

/// A line that counts something of a proxy.
struct Sample<'a> {
    /// What is counted, without the prefix that all have.
    metric: &'a str,
    labels: BTreeMap<&'a str, String>,
    count: u64,
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (metric, rest) = line.strip_prefix("toxiproxy_proxy_")?.split_once('{')?;
    let (labels, rest) = labels(rest)?;
    Some(Sample { metric, labels, count: count(rest.split_ascii_whitespace().next()?)? })
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
            (String::from("a"), ProxyBytes { requests, replies, ..ProxyBytes::default() }),
            (
                String::from("say \"hi\\\n,}"),
                ProxyBytes { requests: other, ..ProxyBytes::default() },
            ),
        ];
        assert_eq!(bytes(text), BTreeMap::from(expected));
    }
}
