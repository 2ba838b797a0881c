//! Images: the ones that are there, and the ones that can be had.

use super::daemon::{DockerError, reason, status};
use crate::progress::say;
use bollard::Docker;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The acceptors' image, when nobody says another.
pub(crate) const REDIS: &str = "redis:8";
/// Toxiproxy's image, when nobody says another.
pub(crate) const TOXIPROXY: &str = "ghcr.io/shopify/toxiproxy:2.12.0";

/// A registry that has the image says so within this, and goes on saying something.
const SILENCE: Duration = Duration::from_secs(20);
/// How often it is said how far a pull has come.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// What a user can do about an image of Redis that cannot be had.
pub(crate) const WAYS_TO_REDIS: &str =
    "name one that is there (--image; docker images), make it (cargo xtask images)";
/// What a user can do about an image of Toxiproxy that cannot be had.
pub(crate) const WAYS_TO_TOXIPROXY: &str = "name one that is there (--toxiproxy-image; docker images), let the harness use its own proxy (--toxiproxy-image own)";

/// Whether an image is on the machine.
pub(crate) async fn is_there(docker: &Docker, image: &str) -> Result<bool, DockerError> {
    match docker.inspect_image(image).await {
        Ok(_) => Ok(true),
        Err(error) if status(&error) == Some(404) => Ok(false),
        Err(error) => Err(DockerError::call(format!("look for the image {image}"))(error)),
    }
}

/// Sees that an image is on the machine, and pulls it when it is not.
///
/// # Errors
/// [`DockerError::NoImage`] when it cannot be had; `ways` says what the user can do then.
pub(crate) async fn obtain(
    docker: &Docker,
    image: &str,
    ways: &'static str,
) -> Result<(), DockerError> {
    if is_there(docker, image).await? {
        return Ok(());
    }
    let no = |reason| DockerError::NoImage { image: image.to_owned(), reason, ways };
    pull(docker, image).await.map_err(no)
}

/// Pulls an image, and says how far it has come. The error is what went wrong, in words.
async fn pull(docker: &Docker, image: &str) -> Result<(), String> {
    let (name, tag) = super::container::name_and_tag(image);
    let options = CreateImageOptionsBuilder::new().from_image(&name).tag(&tag).build();
    let mut steps = docker.create_image(Some(options), None, None);
    let mut said = Instant::now();
    let mut pulling = false;
    loop {
        let step = timeout(SILENCE, steps.next()).await;
        let step = step.map_err(|_| format!("nothing for {} s", SILENCE.as_secs()))?;
        let Some(step) = step else { return Ok(()) };
        let step = step.map_err(|error| reason(&error))?;
        if !pulling || said.elapsed() >= SAY_EVERY {
            let layer = step.id.map(|id| format!(" {id}")).unwrap_or_default();
            say(format!("pulling {image}:{layer} {}", step.status.unwrap_or_default()));
            (said, pulling) = (Instant::now(), true);
        }
    }
}
