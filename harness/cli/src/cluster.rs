//! Nodes put together: a proposer each, an acceptor each, and a link of its own from every
//! proposer to every acceptor.

use crate::environment::Environment;
use crate::mutants;
use gryadka::{
    Acceptor, AcceptorId, AddressError, Bytes, Configuration, NativeAcceptor, Options, ProposerId,
    RedisAcceptor, Store,
};
use harness_proxy::{Link as ProxyLink, ProxyError};
use std::collections::BTreeMap;
use std::sync::Arc;
use workloads::{EnvironmentKind, Link, Scenario};

/// Keys of this harness in a Redis server begin so.
const PREFIX: &str = "gryadka:";

/// Every link of a cluster.
pub(crate) type Links = BTreeMap<Link, Arc<ProxyLink>>;

/// An acceptor of either kind, through a link.
pub(crate) enum AnyAcceptor {
    Redis(RedisAcceptor),
    Native(NativeAcceptor),
}

impl Acceptor for AnyAcceptor {
    async fn call(
        &self,
        key: Bytes,
        request: caspaxos::Request<Bytes>,
    ) -> Result<caspaxos::Reply<Bytes>, gryadka::Lost> {
        match self {
            Self::Redis(acceptor) => acceptor.call(key, request).await,
            Self::Native(acceptor) => acceptor.call(key, request).await,
        }
    }
}

/// Why a cluster cannot be put together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("no quorum can be had: {0}")]
    Configuration(caspaxos::ConfigurationError),
}

/// The links and the proposers of a run, by node.
pub(crate) struct Cluster {
    pub(crate) links: Links,
    pub(crate) stores: Vec<Arc<Store<AnyAcceptor>>>,
}

impl Cluster {
    /// Opens a link for every pair and sets a proposer on each node's.
    pub(crate) async fn build(
        environment: &Environment,
        scenario: &Scenario,
    ) -> Result<Self, ClusterError> {
        let nodes = 1..=scenario.nodes;
        let mut links = Links::new();
        for (proposer, acceptor) in nodes.clone().flat_map(|p| nodes.clone().map(move |a| (p, a))) {
            // Each link draws from a stream of its own, so that one link's traffic does not
            // decide what another one loses.
            let seed = scenario.seed ^ u64::from(proposer * 16 + acceptor) << 32;
            let link = ProxyLink::open(environment.address(acceptor), seed).await?;
            links.insert(Link { proposer, acceptor }, Arc::new(link));
        }
        let stores = nodes.map(|node| store(scenario, node, &links).map(Arc::new));
        let stores = stores.collect::<Result<_, _>>()?;
        Ok(Self { links, stores })
    }
}

fn store(
    scenario: &Scenario,
    node: u32,
    links: &Links,
) -> Result<Store<AnyAcceptor>, ClusterError> {
    let configuration = Configuration::majority((1..=scenario.nodes).map(AcceptorId))
        .map_err(ClusterError::Configuration)?;
    let mut acceptors = BTreeMap::new();
    for (name, link) in links.iter().filter(|(name, _)| name.proposer == node) {
        let address = format!("redis://{}", link.address());
        let acceptor = match scenario.environment {
            EnvironmentKind::Auto | EnvironmentKind::Process => {
                AnyAcceptor::Redis(RedisAcceptor::new(&address, PREFIX)?)
            }
            EnvironmentKind::Embedded => AnyAcceptor::Native(NativeAcceptor::new(&address)?),
        };
        acceptors.insert(AcceptorId(name.acceptor), Arc::new(acceptor));
    }
    let mut options = Options::new(ProposerId(u64::from(node)), configuration);
    options.rules = scenario.mutant.map(mutants::rules);
    Ok(Store::new(options, acceptors))
}
