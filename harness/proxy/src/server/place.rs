//! What `host:port` stands for: where a proxy listens, and where it leads.

use super::Refusal;
use crate::Upstream;
use crate::wire::ProxySettings;
use std::net::{Ipv4Addr, SocketAddr};

/// Where a proxy listens and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// As it was written.
    pub(super) listen: String,
    /// What `listen` stands for, if the proxy is to be enabled. That of one that is disabled is not
    /// looked up.
    pub(super) address: Option<SocketAddr>,
    /// As it was written.
    pub(super) upstream: String,
}

impl Place {
    /// Looks up where to listen, if the proxy is to be enabled. The upstream's name is only looked up
    /// for a connection.
    pub(super) async fn find(
        listen: String,
        upstream: String,
        enabled: bool,
    ) -> Result<Self, Refusal> {
        leads(&upstream)?;
        let address = if enabled { Some(listens(&listen).await?) } else { None };
        Ok(Self { listen, address, upstream })
    }

    pub(super) async fn of(proxy: &ProxySettings) -> Result<Self, Refusal> {
        Self::find(proxy.listen.clone(), proxy.upstream.clone(), proxy.enabled).await
    }

    /// The server behind it.
    pub(super) fn leads(&self) -> Result<Upstream, Refusal> {
        leads(&self.upstream)
    }
}

/// Nothing at all is a free port of loopback, and a port alone is that port of every interface.
async fn listens(listen: &str) -> Result<SocketAddr, Refusal> {
    if listen.is_empty() {
        return Ok((Ipv4Addr::LOCALHOST, 0).into());
    }
    if let Ok(address) = listen.parse() {
        return Ok(address);
    }
    let (host, port) = host_and_port("listen", listen)?;
    if host.is_empty() {
        return Ok((Ipv4Addr::UNSPECIFIED, port).into());
    }
    let unknown = |why: String| Refusal::Listen(format!("listen {listen}: {why}"));
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<_> = found.map_err(|error| unknown(error.to_string()))?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
    first.copied().ok_or_else(|| unknown(String::from("the host has no address")))
}

/// A port alone is one of this machine.
fn leads(upstream: &str) -> Result<Upstream, Refusal> {
    if let Ok(address) = upstream.parse() {
        return Ok(Upstream::Address(address));
    }
    let (host, port) = host_and_port("upstream", upstream)?;
    if host.is_empty() {
        return Ok(Upstream::Address((Ipv4Addr::LOCALHOST, port).into()));
    }
    Ok(Upstream::Name { host: host.to_owned(), port })
}

fn host_and_port<'a>(field: &str, text: &'a str) -> Result<(&'a str, u16), Refusal> {
    let parts = text.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    parts.filter(|(host, _)| !host.contains([':', '/', ' '])).ok_or_else(|| {
        Refusal::BadBody(format!(
            "{field} is {text:?}: host:port is wanted, such as 127.0.0.1:6379"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_to_listen() {
        for (listen, expected) in [
            ("", Some("127.0.0.1:0")),
            ("127.0.0.1:6379", Some("127.0.0.1:6379")),
            ("[::1]:6379", Some("[::1]:6379")),
            (":6379", Some("0.0.0.0:6379")),
            ("localhost:6379", Some("127.0.0.1:6379")),
            ("localhost", None),
            ("127.0.0.1:65536", None),
            ("http://localhost:1", None),
            ("::1:6379x", None),
        ] {
            let found = listens(listen).await.ok().map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{listen}");
        }
    }

    #[test]
    fn where_to_lead() {
        let address = |text: &str| Some(Upstream::Address(text.parse().unwrap()));
        let redis = Upstream::Name { host: String::from("redis"), port: 6379 };
        for (upstream, expected) in [
            ("10.0.0.1:6379", address("10.0.0.1:6379")),
            ("[::1]:6379", address("[::1]:6379")),
            (":6379", address("127.0.0.1:6379")),
            ("redis:6379", Some(redis)),
            ("redis", None),
            ("redis:", None),
            ("redis://redis:6379", None),
        ] {
            assert_eq!(leads(upstream).ok(), expected, "{upstream}");
        }
        assert_eq!(
            leads("redis").unwrap_err().to_string(),
            "bad request body: upstream is \"redis\": host:port is wanted, such as 127.0.0.1:6379"
        );
    }
}
