//! The clients of a run, by node: of proposers inside the harness, or of services.

use crate::environment::Environment;
use crate::gryadka_client::GryadkaClient;
use crate::service_client::ServiceClient;
use gryadka::Gryadka;
use std::time::Duration;
use workloads::{Answer, Call, Client};

/// A client of one node's proposer, wherever that is.
#[derive(Clone)]
pub(crate) enum NodeClient {
    Inside(GryadkaClient),
    Service(ServiceClient),
}

impl Client for NodeClient {
    async fn call(&self, call: &Call) -> Answer {
        match self {
            Self::Inside(client) => client.call(call).await,
            Self::Service(client) => client.call(call).await,
        }
    }
}

/// A client for each node: of the environment's services if it has any, and else of these stores.
pub(crate) fn clients(
    environment: &Environment,
    stores: Vec<Gryadka>,
    deadline: Duration,
) -> Vec<NodeClient> {
    let services = environment.services();
    if services.is_empty() {
        let client = |store| NodeClient::Inside(GryadkaClient { store, deadline });
        return stores.into_iter().map(client).collect();
    }
    let prefix = environment.prefix();
    let client = |url: &String| ServiceClient::new(url, deadline).below(prefix);
    services.iter().map(|url| NodeClient::Service(client(url))).collect()
}
