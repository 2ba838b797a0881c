//! The Toxiproxy that all links of a run go through: the genuine one, or our own in its place.

use super::Ground;
use super::container::{Container, Spec};
use super::daemon::DockerError;
use super::{image, own_image};
use crate::environment::EnvironmentError;
use crate::links;
use bollard::Docker;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use workloads::FaultKind;

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

/// Which proxy a run is to have, before it is known which can be had.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    /// The harness's own, and why so.
    Own(String),
    /// Toxiproxy, from the image that the user named.
    Named(String),
    /// Toxiproxy, from the usual image; where that cannot be had, the harness's own.
    Usual,
}

/// The proxy that can do what a run needs, unless the user has named another one.
fn wish(wanted: Option<&str>, needs: &[FaultKind]) -> Wish {
    let beyond = needs.iter().find(|kind| kind.is_of_links() && !links::is_genuine(**kind));
    match (wanted, beyond) {
        (Some(OWN), _) => Wish::Own(String::from("as was asked for")),
        (Some(named), _) => Wish::Named(named.to_owned()),
        (None, Some(kind)) => Wish::Own(format!("Toxiproxy cannot do {kind}")),
        (None, None) => Wish::Usual,
    }
}

/// Decides which proxy the links go through, and sees that its image is there. `needs` are the faults
/// that the run must be able to do.
///
/// # Errors
/// When an image that the user named cannot be had. The usual one may be missing: then it is our own
/// proxy.
pub(crate) async fn choose(
    docker: &Docker,
    wanted: Option<&str>,
    needs: &[FaultKind],
) -> Result<Proxy, DockerError> {
    match wish(wanted, needs) {
        Wish::Own(why) => own(docker, why).await,
        Wish::Named(named) => {
            image::obtain(docker, &named, image::WAYS_TO_TOXIPROXY).await?;
            Ok(Proxy::Toxiproxy(named))
        }
        Wish::Usual => {
            match image::obtain(docker, image::TOXIPROXY, image::WAYS_TO_TOXIPROXY).await {
                Ok(()) => Ok(Proxy::Toxiproxy(image::TOXIPROXY.to_owned())),
                Err(DockerError::NoImage { image, reason, .. }) => {
                    own(docker, format!("{image} cannot be had: {reason}")).await
                }
                Err(error) => Err(error),
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_proxy_that_can_do_its_faults_unless_the_user_names_one() {
        use FaultKind::{Cut, Drop, Kill, Latency, Loss};
        let own = |kind| Wish::Own(format!("Toxiproxy cannot do {kind}"));
        let named = || Wish::Named(String::from("toxiproxy:2"));
        for (wanted, needs, expected) in [
            (None, &[][..], Wish::Usual),
            (None, &[Cut, Latency], Wish::Usual),
            (None, &[Kill], Wish::Usual),
            (None, &[Loss], own(Loss)),
            (None, &[Cut, Drop, Loss], own(Drop)),
            (Some("toxiproxy:2"), &[], named()),
            // What it cannot do is refused by name later: the user has chosen.
            (Some("toxiproxy:2"), &[Loss], named()),
            (Some(OWN), &[], Wish::Own(String::from("as was asked for"))),
            (Some(OWN), &[Loss], Wish::Own(String::from("as was asked for"))),
        ] {
            assert_eq!(wish(wanted, needs), expected, "{wanted:?} {needs:?}");
        }
    }
}
