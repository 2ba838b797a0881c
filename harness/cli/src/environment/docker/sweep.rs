//! Everything that carries a run's label, found and removed: whoever has made it, and whatever has
//! become of him.

use super::daemon::DockerError;
use super::names::{OWNER, RUN};
use super::{container, network};
use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder};
use futures_util::future::try_join_all;
use std::collections::HashMap;

/// A container or a network that carries the label of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Labelled {
    pub(crate) name: String,
    pub(crate) run: String,
    /// What its label says whose it is.
    pub(crate) owner: String,
}

/// What carries the label of a run: of this one, or of any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Things {
    pub(crate) containers: Vec<Labelled>,
    pub(crate) networks: Vec<Labelled>,
}

/// Finds what carries the label of this run, or of any.
pub(crate) async fn find(docker: &Docker, run: Option<&str>) -> Result<Things, DockerError> {
    let label = run.map_or_else(|| RUN.to_owned(), |run| format!("{RUN}={run}"));
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let containers = docker.list_containers(Some(options)).await;
    let containers = containers.map_err(DockerError::call("list containers"))?;
    let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
    let networks = docker.list_networks(Some(options)).await;
    let networks = networks.map_err(DockerError::call("list networks"))?;
    let containers = containers.into_iter().filter_map(|container| {
        let name = container.names?.into_iter().next()?.trim_start_matches('/').to_owned();
        labelled(name, container.labels?)
    });
    let networks =
        networks.into_iter().filter_map(|network| labelled(network.name?, network.labels?));
    Ok(Things { containers: containers.collect(), networks: networks.collect() })
}

fn labelled(name: String, mut labels: HashMap<String, String>) -> Option<Labelled> {
    let run = labels.remove(RUN)?;
    Some(Labelled { name, run, owner: labels.remove(OWNER).unwrap_or_default() })
}

/// Removes whatever carries the label of this run.
pub(crate) async fn sweep(docker: &Docker, run: &str) -> Result<(), DockerError> {
    let things = find(docker, Some(run)).await?;
    let containers = things.containers.iter().map(|found| container::remove(docker, &found.name));
    try_join_all(containers).await?;
    try_join_all(things.networks.iter().map(|found| network::remove(docker, &found.name))).await?;
    Ok(())
}
