//! The Toxiproxy that all links of a run go through: the genuine one, or our own in its place.

use super::Ground;
use super::container::{Container, Spec};
use super::daemon::DockerError;
use super::{image, own_image};
use crate::environment::EnvironmentError;
use bollard::Docker;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Where its API listens.
const PORT: u16 = 8474;
/// What a user says for the harness's own proxy instead of an image.
pub(crate) const OWN: &str = "own";

/// Which proxy a run's links go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// Toxiproxy, from this image.
    Toxiproxy(String),
    /// The harness's own proxy, from an image of the harness's own executable; and why so.
    Own(String),
}

/// Decides which proxy the links go through, and sees that Toxiproxy's image is there if it is that.
///
/// # Errors
/// When an image that the user named cannot be had. The usual one may be missing: then it is our own
/// proxy.
pub(crate) async fn choose(docker: &Docker, wanted: Option<&str>) -> Result<Proxy, DockerError> {
    match wanted {
        Some(OWN) => own(docker, String::from("as was asked for")).await,
        Some(named) => {
            image::obtain(docker, named, image::WAYS_TO_TOXIPROXY).await?;
            Ok(Proxy::Toxiproxy(named.to_owned()))
        }
        None => match image::obtain(docker, image::TOXIPROXY, image::WAYS_TO_TOXIPROXY).await {
            Ok(()) => Ok(Proxy::Toxiproxy(image::TOXIPROXY.to_owned())),
            Err(DockerError::NoImage { image, reason, .. }) => {
                own(docker, format!("{image} cannot be had: {reason}")).await
            }
            Err(error) => Err(error),
        },
    }
}

/// Our own proxy, once its image is there: where that cannot be made, containers cannot serve.
async fn own(docker: &Docker, why: String) -> Result<Proxy, DockerError> {
    own_image::ensure(docker).await?;
    Ok(Proxy::Own(why))
}

/// Starts it, and waits until its API takes connections.
pub(super) async fn start(ground: &Ground, proxy: &Proxy) -> Result<Container, EnvironmentError> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let (image, command) = match proxy {
        Proxy::Toxiproxy(image) => (image.clone(), words(&["-host=0.0.0.0", "-proxy-metrics"])),
        Proxy::Own(_) => {
            let image = own_image::ensure(&ground.docker).await?;
            (image, words(&["proxy", "--listen", "0.0.0.0:8474"]))
        }
    };
    let (name, address) = (ground.names.toxiproxy(), ground.subnet.toxiproxy());
    let spec = Spec { name, image, command, address, port: PORT };
    let container = ground.start(spec).await?;
    container.up(listens).await?;
    Ok(container)
}

/// Whether anybody takes connections there. On a bridge nobody does so in a container's stead.
async fn listens(address: SocketAddr) -> bool {
    let dialled = tokio::time::timeout(crate::probe::PATIENCE, TcpStream::connect(address)).await;
    matches!(dialled, Ok(Ok(_)))
}
