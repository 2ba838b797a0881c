//! A cluster that is there already: services somewhere, whose ways to their acceptors go through a
//! Toxiproxy. Nothing is started or ended here, and only links are disturbed.
//!
//! The acceptors are known by the proxies alone: `p1-a2` leads from the first service to the second
//! acceptor. How links are disturbed and left as they were found: `links.rs`. What becomes of the run's
//! keys: `external/sweep.rs`.

mod sweep;

pub(crate) use sweep::Sweep;

use super::{ToxiproxyPlace, serving};
use harness_proxy::{ProxyState, Toxiproxy, ToxiproxyError};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use workloads::{FaultKind, Link, Scenario};

/// What can be done to links, strongest first. Dropped messages are not among it: a service pipelines its
/// requests, and would take the next reply for the one that was dropped, which no store survives.
pub(super) const ABLE: &[FaultKind] = &[
    FaultKind::Cut,
    FaultKind::Blackhole,
    FaultKind::OneWay,
    FaultKind::Latency,
    FaultKind::Bandwidth,
    FaultKind::Slicing,
    FaultKind::Loss,
    FaultKind::Reset,
    FaultKind::Limit,
];

/// How long a service or a Toxiproxy may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a cluster cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExternalError {
    /// Nobody said where it is.
    #[error(
        "--environment external needs the addresses of the services: --services http://127.0.0.1:7481,http://127.0.0.1:7482"
    )]
    NoServices,
    /// There is no way to disturb it.
    #[error(
        "--environment external needs the Toxiproxy that the services' links go through: --toxiproxy http://127.0.0.1:8474"
    )]
    NoToxiproxy,
    /// An address is none.
    #[error("{0:?} is no address of a service: write http://host:port")]
    Address(String),
    /// A service does not answer, is not ready, or lets nobody in.
    #[error("the service {service} cannot be used: {reason}")]
    Service {
        /// Its address, as it was given.
        service: String,
        /// What was seen.
        reason: String,
    },
    /// The Toxiproxy does not do what it is asked.
    #[error(transparent)]
    Toxiproxy(#[from] ToxiproxyError),
    /// Its host is nowhere to be reached.
    #[error("the Toxiproxy at {url} cannot be reached: {reason}")]
    Host {
        /// Its address, as it was given.
        url: String,
        /// What was seen.
        reason: String,
    },
    /// A link is missing.
    #[error(
        "the Toxiproxy at {url} has no proxy {link}; each service needs one to each acceptor, p1-a1, p1-a2 and so on, and it has {there}"
    )]
    NoLink {
        /// Its address.
        url: String,
        /// The name of the first that is missing.
        link: String,
        /// The names of those that there are.
        there: String,
    },
    /// Somebody else disturbs a link already.
    #[error(
        "the proxy {link} is not as a run has to find it: {why}; enable it and remove its toxics first"
    )]
    Disturbed {
        /// Its name.
        link: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A proxy listens at no address.
    #[error("the proxy {link} listens on {listen:?}, which has no port")]
    Listen {
        /// Its name.
        link: String,
        /// What the Toxiproxy says.
        listen: String,
    },
}

/// Asks the services and the Toxiproxy whether they can be used. Answers how many acceptors there are.
pub(super) async fn look(
    services: &[String],
    toxiproxy: Option<&str>,
) -> Result<u32, ExternalError> {
    if services.is_empty() {
        return Err(ExternalError::NoServices);
    }
    for service in services {
        ready(service).await?;
    }
    let url = toxiproxy.ok_or(ExternalError::NoToxiproxy)?;
    let proxies = Toxiproxy::at(url)?.proxies().await?;
    let nodes = u32::try_from(services.len()).unwrap_or(u32::MAX);
    let acceptors = links(url, nodes, &proxies)?.into_keys().map(|link| link.acceptor);
    Ok(acceptors.max().unwrap_or(1))
}

/// The cluster of a run.
#[derive(Debug)]
pub(crate) struct External {
    services: Vec<String>,
    place: ToxiproxyPlace,
    version: String,
    /// Where the harness reaches each acceptor, through the link of the first service.
    acceptors: BTreeMap<u32, SocketAddr>,
    /// What the names of all keys of this run begin with.
    prefix: String,
}

impl External {
    /// The cluster that a scenario names, if it is still as it has to be, for the run with this id.
    pub(super) async fn find(scenario: &Scenario, run: &str) -> Result<Self, ExternalError> {
        let url = scenario.toxiproxy.as_deref().ok_or(ExternalError::NoToxiproxy)?;
        let toxiproxy = Toxiproxy::at(url)?;
        let version = toxiproxy.version().await?.as_str().to_owned();
        let links = links(url, scenario.nodes, &toxiproxy.proxies().await?)?;
        let reach = host(url).await?;
        let of_first = links.iter().filter(|(link, _)| link.proposer == 1);
        Ok(Self {
            services: scenario.services.clone(),
            version,
            acceptors: of_first
                .map(|(link, port)| (link.acceptor, SocketAddr::new(reach, *port)))
                .collect(),
            place: ToxiproxyPlace {
                api: url.to_owned(),
                listen: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                reach,
                numbered: false,
                existing: true,
            },
            prefix: sweep::prefix(run),
        })
    }

    pub(super) fn toxiproxy(&self) -> ToxiproxyPlace {
        self.place.clone()
    }

    /// Where the services are, by node.
    pub(super) fn services(&self) -> Vec<String> {
        self.services.clone()
    }

    /// What the names of all keys of this run begin with, so that it meets nobody else's.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where the harness reaches an acceptor, which is through a link: its own address is not known
    /// here.
    pub(super) fn address(&self, acceptor: u32) -> SocketAddr {
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        self.acceptors.get(&acceptor).copied().unwrap_or(nowhere)
    }

    pub(super) fn versions(&self) -> Vec<(String, String)> {
        vec![(String::from("toxiproxy"), self.version.clone())]
    }
}

/// Every link and the port that it is reached at: from each of so many services to the same
/// acceptors, all whole.
fn links(
    url: &str,
    services: u32,
    proxies: &BTreeMap<String, ProxyState>,
) -> Result<BTreeMap<Link, u16>, ExternalError> {
    let named: BTreeMap<Link, &ProxyState> =
        proxies.iter().filter_map(|(name, proxy)| Some((link(name)?, proxy))).collect();
    let mut acceptors: BTreeSet<u32> = named.keys().map(|link| link.acceptor).collect();
    acceptors.insert(1);
    let last = acceptors.last().copied().unwrap_or(1);
    let mut links = BTreeMap::new();
    for proposer in 1..=services {
        for acceptor in 1..=last {
            let link = Link { proposer, acceptor };
            let name = name(link);
            let proxy = named.get(&link).ok_or_else(|| ExternalError::NoLink {
                url: url.to_owned(),
                link: name.clone(),
                there: listed(proxies),
            })?;
            links.insert(link, port(&name, proxy)?);
        }
    }
    Ok(links)
}

fn listed(proxies: &BTreeMap<String, ProxyState>) -> String {
    if proxies.is_empty() {
        return String::from("none");
    }
    proxies.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn name(link: Link) -> String {
    format!("p{}-a{}", link.proposer, link.acceptor)
}

/// The link that a proxy of this name stands for.
fn link(proxy: &str) -> Option<Link> {
    let (proposer, acceptor) = proxy.strip_prefix('p')?.split_once("-a")?;
    let link = Link { proposer: proposer.parse().ok()?, acceptor: acceptor.parse().ok()? };
    // Neither p01-a1 nor p0-a1.
    (name(link) == proxy && link.proposer > 0 && link.acceptor > 0).then_some(link)
}

/// The port of a proxy that nobody has laid hands on.
fn port(name: &str, proxy: &ProxyState) -> Result<u16, ExternalError> {
    let disturbed = |why| Err(ExternalError::Disturbed { link: name.to_owned(), why });
    if !proxy.enabled {
        return disturbed("it is disabled");
    }
    if !proxy.toxics.is_empty() {
        return disturbed("it has toxics");
    }
    let port = proxy.listen.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let listen = || ExternalError::Listen { link: name.to_owned(), listen: proxy.listen.clone() };
    port.filter(|port| *port > 0).ok_or_else(listen)
}

/// `host:port` of an address such as `http://host:port`.
fn authority(url: &str) -> Result<&str, ExternalError> {
    let wrong = || ExternalError::Address(url.to_owned());
    let place = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let port = place.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.filter(|_| !place.contains('/')).map(|_| place).ok_or_else(wrong)
}

/// Where the harness reaches the host of a Toxiproxy.
async fn host(url: &str) -> Result<IpAddr, ExternalError> {
    let wrong = |reason| ExternalError::Host { url: url.to_owned(), reason };
    match timeout(PATIENCE, TcpStream::connect(authority(url)?)).await {
        Ok(Ok(stream)) => {
            let there = stream.peer_addr().map_err(|error| wrong(error.to_string()))?;
            Ok(there.ip())
        }
        Ok(Err(error)) => Err(wrong(error.to_string())),
        Err(_) => Err(wrong(String::from("no connection in time"))),
    }
}

/// What a service that can be used answers: it has a quorum of acceptors, and lets anybody use it.
const WELL: [(&str, &str); 2] = [("/readyz", "HTTP/1.1 204"), ("/v1/cluster", "HTTP/1.1 200")];

/// Whether a service can be used.
async fn ready(service: &str) -> Result<(), ExternalError> {
    let place = authority(service)?;
    let wrong = |reason| ExternalError::Service { service: service.to_owned(), reason };
    for (path, well) in WELL {
        let answer = match timeout(PATIENCE, serving::get(place, path)).await {
            Ok(answer) => answer.map_err(|error| wrong(error.to_string()))?,
            Err(_) => return Err(wrong(format!("{path} does not answer in time"))),
        };
        if !answer.starts_with(well) {
            let said = answer.lines().next().unwrap_or("nothing");
            return Err(wrong(format!("{path} answers {said}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_proxy::{Direction, Effect, Toxic};

    const URL: &str = "http://127.0.0.1:8474";

    fn proxies(names: &[&str]) -> BTreeMap<String, ProxyState> {
        let state = |name: &str| ProxyState {
            name: name.to_owned(),
            listen: String::from("[::]:20101"),
            upstream: String::from("a1:6379"),
            enabled: true,
            toxics: Vec::new(),
        };
        names.iter().map(|&name| (name.to_owned(), state(name))).collect()
    }

    #[test]
    fn a_proxy_of_the_right_name_is_a_link() {
        let found = |proposer, acceptor| Some(Link { proposer, acceptor });
        for (name, expected) in [
            ("p1-a2", found(1, 2)),
            ("p12-a10", found(12, 10)),
            ("p1-a0", None),
            ("p01-a1", None),
            ("redis", None),
            ("p1a2", None),
        ] {
            assert_eq!(link(name), expected, "{name}");
        }
    }

    #[test]
    fn every_service_has_a_link_to_every_acceptor_or_it_is_said_which_is_missing() {
        let all = proxies(&["p1-a1", "p1-a2", "p2-a1", "p2-a2", "somebody-else"]);
        let found = links(URL, 2, &all).unwrap();
        assert_eq!(found.len(), 4);
        assert!(found.values().all(|port| *port == 20101));
        // The links of a service that takes no part are left alone.
        assert_eq!(links(URL, 1, &all).unwrap().len(), 2);
        let wrong = |names: &[&str]| links(URL, 2, &proxies(names)).unwrap_err().to_string();
        insta::assert_snapshot!([
            wrong(&[]),
            wrong(&["p1-a1", "p1-a2", "p2-a1"]),
        ].join("\n"), @r"
        the Toxiproxy at http://127.0.0.1:8474 has no proxy p1-a1; each service needs one to each acceptor, p1-a1, p1-a2 and so on, and it has none
        the Toxiproxy at http://127.0.0.1:8474 has no proxy p2-a2; each service needs one to each acceptor, p1-a1, p1-a2 and so on, and it has p1-a1, p1-a2, p2-a1
        ");
    }

    #[test]
    fn a_link_that_somebody_else_disturbs_is_refused() {
        let refused = |change: fn(&mut ProxyState)| {
            let mut proxies = proxies(&["p1-a1"]);
            proxies.values_mut().for_each(change);
            links(URL, 1, &proxies).unwrap_err().to_string()
        };
        let toxic = |proxy: &mut ProxyState| {
            proxy.toxics.push(Toxic {
                name: String::from("theirs"),
                direction: Direction::Requests,
                toxicity: 1.0,
                effect: Effect::Noop,
            });
        };
        insta::assert_snapshot!([
            refused(|proxy| proxy.enabled = false),
            refused(toxic),
            refused(|proxy| proxy.listen = String::from("somewhere")),
        ].join("\n"), @r#"
        the proxy p1-a1 is not as a run has to find it: it is disabled; enable it and remove its toxics first
        the proxy p1-a1 is not as a run has to find it: it has toxics; enable it and remove its toxics first
        the proxy p1-a1 listens on "somewhere", which has no port
        "#);
    }

    #[tokio::test]
    async fn a_service_that_does_not_answer_is_named() {
        let wrong = ready("http://127.0.0.1:1").await.unwrap_err().to_string();
        assert!(wrong.starts_with("the service http://127.0.0.1:1 cannot be used: "), "{wrong}");
        let wrong = ready("7481").await.unwrap_err().to_string();
        assert_eq!(wrong, "\"7481\" is no address of a service: write http://host:port");
    }
}
