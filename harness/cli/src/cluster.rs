//! Nodes put together: a proposer each, an acceptor each, and a link of its own from every
//! proposer to every acceptor, also to those that join later.

use crate::environment::{Environment, EnvironmentError};
use crate::mutants;
use gryadka::{ConnectError, ConnectOptions, Gryadka, Route};
use harness_proxy::{Link as ProxyLink, ProxyError};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use workloads::{Link, Proposers, Scenario};

/// Where an acceptor is looked for to which there is no link: nobody listens there, and nobody goes
/// round the links.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Every link of a cluster. More can be opened while it runs.
pub(crate) struct Links {
    nodes: u32,
    seed: u64,
    open: Mutex<BTreeMap<Link, Arc<ProxyLink>>>,
}

/// Why a cluster cannot be put together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error("the store cannot be reached: {0}")]
    Connect(#[from] ConnectError),
}

/// The links of a run, and its proposers by node, where they are inside the harness.
pub(crate) struct Cluster {
    pub(crate) links: Arc<Links>,
    pub(crate) stores: Vec<Gryadka>,
}

impl Links {
    fn new(nodes: u32, seed: u64) -> Self {
        Self { nodes, seed, open: Mutex::default() }
    }

    /// Opens a link from every proposer to an acceptor.
    pub(crate) async fn open_to(
        &self,
        acceptor: u32,
        address: SocketAddr,
    ) -> Result<(), ProxyError> {
        for proposer in 1..=self.nodes {
            // Each link draws from a stream of its own, so that one link's traffic does not
            // decide what another one loses.
            let seed = self.seed ^ (u64::from(proposer) << 48 | u64::from(acceptor) << 32);
            let link = ProxyLink::open(address, seed).await?;
            self.links().insert(Link { proposer, acceptor }, Arc::new(link));
        }
        Ok(())
    }

    pub(crate) fn get(&self, link: Link) -> Option<Arc<ProxyLink>> {
        self.links().get(&link).cloned()
    }

    /// The links from every proposer to an acceptor.
    pub(crate) fn to(&self, acceptor: u32) -> Vec<(Link, Arc<ProxyLink>)> {
        let links = self.links();
        let of = links.iter().filter(|(link, _)| link.acceptor == acceptor);
        of.map(|(name, link)| (*name, Arc::clone(link))).collect()
    }

    /// The way that a node's proposer takes instead of an acceptor's own address.
    pub(crate) fn route(self: &Arc<Self>, proposer: u32) -> Route {
        let links = Arc::clone(self);
        Arc::new(move |url| {
            let (scheme, address) = url.split_once("://").unwrap_or(("redis", url));
            let open = links.links();
            let to = address.parse::<SocketAddr>().ok().and_then(|address| {
                let mut of_proposer = open.iter().filter(|(link, _)| link.proposer == proposer);
                of_proposer.find(|(_, link)| link.upstream() == address)
            });
            let address = to.map_or(NOWHERE, |(_, link)| link.address());
            format!("{scheme}://{address}")
        })
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<Link, Arc<ProxyLink>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// Makes the acceptors a cluster, opens a link for every pair and sets a proposer on each node's.
    pub(crate) async fn build(
        environment: &mut Environment,
        scenario: &Scenario,
    ) -> Result<Self, ClusterError> {
        let links = Arc::new(Links::new(scenario.nodes, scenario.seed));
        let mut urls = Vec::new();
        for acceptor in 1..=scenario.nodes {
            links.open_to(acceptor, environment.address(acceptor)).await?;
            urls.push(environment.url(acceptor));
        }
        let founder = ConnectOptions { initialise: true, ..ConnectOptions::new(urls.clone()) };
        Gryadka::connect(founder).await?;
        let mut stores = Vec::new();
        if scenario.proposers != Proposers::Inside {
            let way = |url: &String, route: &Route| (url.clone(), route(url));
            let ways = |route: Route| urls.iter().map(|url| way(url, &route)).collect();
            let ways: Vec<_> = (1..=scenario.nodes).map(|node| ways(links.route(node))).collect();
            environment.start_proposers(&ways).await?;
            return Ok(Self { links, stores });
        }
        for node in 1..=scenario.nodes {
            let options = options(scenario, urls.clone(), Some(links.route(node)));
            stores.push(Gryadka::connect(options).await?);
        }
        Ok(Self { links, stores })
    }
}

/// How anybody in a run gets to its store.
pub(crate) fn options(
    scenario: &Scenario,
    urls: Vec<String>,
    route: Option<Route>,
) -> ConnectOptions {
    ConnectOptions {
        route,
        rules: scenario.mutant.map(mutants::rules),
        ..ConnectOptions::new(urls)
    }
}
