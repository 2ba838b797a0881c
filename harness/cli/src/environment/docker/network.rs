//! A bridge of the run's own, with a subnet that nobody else has.

use super::daemon::{DockerError, reason, status, unless_gone};
use super::names::{Names, Subnet};
use crate::environment::EnvironmentError;
use crate::journal::{Journal, Made};
use bollard::Docker;
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long containers may take to leave a network that is to be removed.
const LEFT_WITHIN: Duration = Duration::from_secs(5);

/// Makes the network, and answers the subnet that it has.
pub(super) async fn create(
    docker: &Docker,
    names: &Names,
    journal: &Journal,
) -> Result<Subnet, EnvironmentError> {
    journal.note(&Made::Network { name: names.network() })?;
    let mut last = String::new();
    for subnet in Subnet::choices(names.run()) {
        match docker.create_network(request(names, subnet)).await {
            Ok(_) => return Ok(subnet),
            // Another network has these addresses.
            Err(error) if matches!(status(&error), Some(400 | 403 | 409)) => {
                last = reason(&error);
            }
            Err(error) => return Err(DockerError::call("make a network")(error).into()),
        }
    }
    Err(DockerError::NoSubnet(last).into())
}

/// Removes a network, unless it is gone already. Containers that were on it may still be leaving.
pub(crate) async fn remove(docker: &Docker, name: &str) -> Result<(), DockerError> {
    let until = Instant::now() + LEFT_WITHIN;
    let removed = loop {
        match docker.remove_network(name).await {
            Err(error) if status(&error) == Some(403) && Instant::now() < until => {
                sleep(Duration::from_millis(100)).await;
            }
            removed => break removed,
        }
    };
    unless_gone(removed).map_err(DockerError::call(format!("remove the network {name}")))
}

fn request(names: &Names, subnet: Subnet) -> NetworkCreateRequest {
    let addresses = IpamConfig {
        subnet: Some(subnet.cidr()),
        ip_range: Some(subnet.floating()),
        gateway: Some(subnet.gateway().to_string()),
        ..IpamConfig::default()
    };
    NetworkCreateRequest {
        name: names.network(),
        driver: Some(String::from("bridge")),
        labels: Some(names.labels()),
        ipam: Some(Ipam { config: Some(vec![addresses]), ..Ipam::default() }),
        ..NetworkCreateRequest::default()
    }
}
