//! How one thing that a killed run has left is undone.

use super::Step;
use crate::environment::docker::daemon::DockerError;
use crate::environment::docker::{container, network};
use crate::journal::{self, JournalError, Owner};
use crate::progress::say;
use bollard::Docker;
use harness_proxy::{ProxyState, Toxiproxy, ToxiproxyError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directories that a run makes are named like this, and no others are removed.
const PREFIX: &str = "harness-";

/// Why something could not be undone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// Docker is needed and does not answer, or it refused.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// A journal could not be removed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A Toxiproxy did not do what it was asked.
    #[error(transparent)]
    Toxiproxy(#[from] ToxiproxyError),
    /// A process could not be killed.
    #[error("process {pid} cannot be killed: {source}")]
    Process {
        /// Its number.
        pid: u32,
        /// What the system said.
        source: nix::Error,
    },
    /// A directory could not be removed.
    #[error("{}: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory is none of a run's.
    #[error("{} is no directory of a run, and stays", .0.display())]
    NotOurs(PathBuf),
}

/// Takes a step. What is gone already is as well.
///
/// # Errors
/// When it is not undone by this.
pub(crate) async fn take(step: &Step, docker: Option<&Docker>) -> Result<(), StepError> {
    let docker = || {
        docker
            .ok_or_else(|| DockerError::NoDaemon(String::from("it is needed to remove containers")))
    };
    match step {
        Step::Process(process) => end(process),
        Step::Container(name) => Ok(container::remove(docker()?, name).await?),
        Step::Network(name) => Ok(network::remove(docker()?, name).await?),
        Step::Directory(path) => remove(path),
        Step::Links { toxiproxy, existing } => free(toxiproxy, *existing).await,
        Step::Journal(path) => Ok(journal::remove(path)?),
    }
}

fn end(process: &Owner) -> Result<(), StepError> {
    // Its number may be another's by now.
    if !process.lives() {
        return Ok(());
    }
    let failed = |source| StepError::Process { pid: process.pid(), source };
    let pid = i32::try_from(process.pid()).map_err(|_| failed(nix::Error::EINVAL))?;
    match kill(Pid::from_raw(pid), Signal::SIGKILL) {
        Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
        Err(source) => Err(failed(source)),
    }
}

fn remove(path: &Path) -> Result<(), StepError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    if !name.is_some_and(|name| name.starts_with(PREFIX)) {
        return Err(StepError::NotOurs(path.to_owned()));
    }
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StepError::Directory { path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Frees a Toxiproxy's links of faults that carry the names of ours. Links that a run has made stay:
/// the journal does not tell them from those of the user or of another run that are named alike. It
/// is told what removes them.
async fn free(url: &str, existing: bool) -> Result<(), StepError> {
    let toxiproxy = Toxiproxy::at(url)?;
    for (name, link) in toxiproxy.proxies().await? {
        if !is_link(&name) {
            continue;
        }
        if existing {
            heal(&toxiproxy, &name, &link).await?;
        } else {
            let upstream = &link.upstream;
            say(format!(
                "the link {name} to {upstream} may be the run's, and stays; to remove it: curl -X DELETE {}/proxies/{name}",
                url.trim_end_matches('/')
            ));
        }
    }
    Ok(())
}

async fn heal(toxiproxy: &Toxiproxy, name: &str, link: &ProxyState) -> Result<(), StepError> {
    for toxic in link.toxics.iter().filter(|toxic| is_fault(&toxic.name)) {
        toxiproxy.remove_toxic(name, &toxic.name).await?;
    }
    if !link.enabled {
        toxiproxy.enable(name).await?;
    }
    Ok(())
}

/// Whether a proxy is named as links are: p1-a2.
fn is_link(name: &str) -> bool {
    let number = |text: Option<&str>| text.is_some_and(|text| text.parse::<u32>().is_ok());
    name.split_once('-').is_some_and(|(proposer, acceptor)| {
        number(proposer.strip_prefix('p')) && number(acceptor.strip_prefix('a'))
    })
}

/// Whether a toxic is named as those of faults are: f3-latency.
fn is_fault(name: &str) -> bool {
    let number = name.strip_prefix('f').and_then(|rest| rest.split_once('-'));
    number.is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn only_what_is_named_as_ours_is_ours() {
        assert!(is_link("p1-a2") && is_link("p9-a99"));
        assert!(!is_link("redis") && !is_link("p-a") && !is_link("p1-b2"));
        assert!(is_fault("f3-latency") && !is_fault("fast-1") && !is_fault("latency_upstream"));
    }

    #[tokio::test]
    async fn a_directory_of_a_run_is_removed_and_another_is_not() {
        let place = TempDir::with_prefix("harness-").unwrap();
        let ours = place.path().join("harness-redis-x");
        fs::create_dir(&ours).unwrap();
        take(&Step::Directory(ours.clone()), None).await.unwrap();
        take(&Step::Directory(ours.clone()), None).await.unwrap();
        assert!(!ours.exists());
        let other = place.path().join("other");
        fs::create_dir(&other).unwrap();
        let refused = take(&Step::Directory(other.clone()), None).await;
        assert!(matches!(refused, Err(StepError::NotOurs(_))), "{refused:?}");
        assert!(other.exists());
    }

    #[tokio::test]
    async fn a_container_without_docker_is_an_error() {
        let failed = take(&Step::Container(String::from("c")), None).await;
        assert!(matches!(failed, Err(StepError::Docker(DockerError::NoDaemon(_)))), "{failed:?}");
    }
}
