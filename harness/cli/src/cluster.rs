//! Nodes put together: a proposer each, an acceptor each, and a link of its own from every
//! proposer to every acceptor, also to those that join later.

use crate::environment::{Environment, EnvironmentError};
use crate::links::{self, LinkError, Links};
use crate::mutants;
use gryadka::{ConnectError, ConnectOptions, Gryadka, Route};
use std::net::SocketAddr;
use std::sync::Arc;
use workloads::{EnvironmentKind, Proposers, Scenario};

/// Why a cluster cannot be put together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(
        "a{0} is to join, and nobody knows yet where it will be: proposers of their own could not reach it; use --proposers inside, or no membership"
    )]
    Later(u32),
    #[error("the store cannot be reached: {0}")]
    Connect(#[from] ConnectError),
}

/// The links of a run, and its proposers by node, where they are inside the harness.
pub(crate) struct Cluster {
    pub(crate) links: Arc<Links>,
    pub(crate) stores: Vec<Gryadka>,
}

impl Cluster {
    /// Makes the acceptors a cluster, opens a link for every pair and sets a proposer on each node's.
    /// `run` is the run's id.
    pub(crate) async fn build(
        environment: &mut Environment,
        scenario: &Scenario,
        run: &str,
    ) -> Result<Self, ClusterError> {
        let wiring = links::wiring(scenario, environment.wiring());
        let links = Arc::new(Links::new(scenario.nodes, scenario.seed, run, wiring).await?);
        let stores = Self::put_together(environment, scenario, &links).await;
        if stores.is_err() {
            // A Toxiproxy is left as it was found, if it can be; what went wrong first is told.
            drop(links.close().await);
        }
        Ok(Self { stores: stores?, links })
    }

    async fn put_together(
        environment: &mut Environment,
        scenario: &Scenario,
        links: &Arc<Links>,
    ) -> Result<Vec<Gryadka>, ClusterError> {
        let mut urls = Vec::new();
        for acceptor in 1..=scenario.acceptors() {
            links.open_to(acceptor, environment.address(acceptor)).await?;
            urls.push(environment.url(acceptor));
        }
        let mut stores = Vec::new();
        if scenario.environment == EnvironmentKind::External {
            // Both the cluster and its proposers are there already.
            return Ok(stores);
        }
        let founder = ConnectOptions { initialise: true, ..ConnectOptions::new(urls.clone()) };
        Gryadka::connect(founder).await?;
        if scenario.proposers != Proposers::Inside {
            let scheme =
                urls.first().and_then(|url| url.split_once("://")).map_or("redis", |u| u.0);
            let later = later(environment, scenario)?;
            let routes = |node| links.routes(node, scheme, &later);
            let ways: Vec<_> = (1..=scenario.nodes).map(routes).collect();
            environment.start_proposers(&ways).await?;
            return Ok(stores);
        }
        for node in 1..=scenario.nodes {
            let options = options(scenario, urls.clone(), Some(links.route(node)));
            stores.push(Gryadka::connect(options).await?);
        }
        Ok(stores)
    }
}

/// The acceptors that are to join, and where they will be: services must know the way to them from
/// the start.
fn later(
    environment: &Environment,
    scenario: &Scenario,
) -> Result<Vec<(u32, SocketAddr)>, ClusterError> {
    let changes = scenario.schedule.iter().filter_map(|planned| planned.membership.as_ref());
    let joins = changes.filter_map(|change| change.joins).filter(|new| *new > scenario.nodes);
    let address = |acceptor| {
        let address = environment.address_ahead(acceptor);
        Ok((acceptor, address.ok_or(ClusterError::Later(acceptor))?))
    };
    joins.map(address).collect()
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
