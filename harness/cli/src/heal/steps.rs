//! How one thing that a killed run has left is undone.

use super::Step;
use crate::environment::Sweep;
use crate::environment::docker::daemon::DockerError;
use crate::environment::docker::{container, network};
use crate::journal::{self, Fate, JournalError, Owner};
use crate::links::marks;
use crate::progress::say;
use bollard::Docker;
use harness_history::HistoryError;
use harness_proxy::{Toxiproxy, ToxiproxyError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
    /// A directory is none of the run's.
    #[error("{} is not named as a directory of this run is, and stays", .0.display())]
    NotOurs(PathBuf),
    /// A run's keys cannot be named.
    #[error("{source}; the names of the run's keys begin with {prefix}, and they stay")]
    History {
        /// What the names of its keys begin with.
        prefix: String,
        /// What is wrong with its history.
        source: HistoryError,
    },
    /// Some of a run's keys are still there.
    #[error("{left} keys whose names begin with {prefix} were not deleted by {service}")]
    KeysLeft {
        /// How many.
        left: usize,
        /// The service that was asked.
        service: String,
        /// What their names begin with.
        prefix: String,
    },
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
        Step::Directory { run, path } => remove(run, path),
        Step::Links { run, toxiproxy } => free(run, toxiproxy).await,
        Step::Keys { run, service, history } => delete(run, service, history).await,
        Step::Journal(path) => Ok(journal::remove(path)?),
    }
}

fn end(process: &Owner) -> Result<(), StepError> {
    match process.fate() {
        Fate::Lives(_) => {}
        // Its number may be another's by now.
        Fate::Gone => return Ok(()),
        Fate::Unknown { .. } | Fate::Hidden(_) => {
            say(format!("process {} cannot be seen from here, and is not killed", process.pid()));
            return Ok(());
        }
    }
    let failed = |source| StepError::Process { pid: process.pid(), source };
    let pid = i32::try_from(process.pid()).map_err(|_| failed(nix::Error::EINVAL))?;
    match kill(Pid::from_raw(pid), Signal::SIGKILL) {
        Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
        Err(source) => Err(failed(source)),
    }
}

fn remove(run: &str, path: &Path) -> Result<(), StepError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    // A journal that names anything else has been written by another hand.
    if !name.is_some_and(|name| name.starts_with(&format!("harness-{run}-"))) {
        return Err(StepError::NotOurs(path.to_owned()));
    }
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StepError::Directory { path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Frees a Toxiproxy of the links and the faults that carry the run's id. All else is another run's, or
/// the user's.
async fn free(run: &str, url: &str) -> Result<(), StepError> {
    let toxiproxy = Toxiproxy::at(url)?;
    for (name, link) in toxiproxy.proxies().await? {
        if marks::is_link_of(run, &name) {
            toxiproxy.delete(&name).await?;
            continue;
        }
        let of_run = |toxic: &str| marks::is_toxic_of(run, toxic);
        let toxics = link.toxics.iter().map(|toxic| toxic.name.as_str());
        for toxic in toxics.filter(|toxic| of_run(toxic) && !marks::is_cut(toxic)) {
            toxiproxy.remove_toxic(&name, toxic).await?;
        }
        marks::end_cuts(&toxiproxy, &name, of_run).await?;
    }
    Ok(())
}

/// Deletes the keys that a run's history names.
async fn delete(run: &str, service: &str, history: &Path) -> Result<(), StepError> {
    let sweep = Sweep::new(service, run);
    let left = sweep
        .sweep(history)
        .await
        .map_err(|source| StepError::History { prefix: sweep.prefix().to_owned(), source })?;
    if left > 0 {
        let (service, prefix) = (service.to_owned(), sweep.prefix().to_owned());
        return Err(StepError::KeysLeft { left, service, prefix });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_proxy::{Direction, Effect, ProxyServer, ProxySettings, Toxic};
    use std::net::Ipv4Addr;
    use tempfile::TempDir;

    #[tokio::test]
    async fn a_directory_of_the_run_is_removed_and_no_other() {
        let place = TempDir::with_prefix("harness-").unwrap();
        let step =
            |path: &Path| Step::Directory { run: String::from("0badcafe"), path: path.to_owned() };
        let ours = place.path().join("harness-0badcafe-redis-x");
        fs::create_dir(&ours).unwrap();
        take(&step(&ours), None).await.unwrap();
        take(&step(&ours), None).await.unwrap();
        assert!(!ours.exists());
        for name in
            ["other", "harness-", "harness-redis-x", "harness-0badcafd-redis-x", "harness-0badcafe"]
        {
            let other = place.path().join(name);
            fs::create_dir(&other).unwrap();
            let refused = take(&step(&other), None).await;
            assert!(matches!(refused, Err(StepError::NotOurs(_))), "{name}: {refused:?}");
            assert!(other.exists());
        }
    }

    const MINE: &str = "0badcafe";
    const THEIRS: &str = "12345678";

    /// A link with these toxics, after a run has been healed: the toxics that it has left, and whether it
    /// takes connections.
    async fn healed(link: &str, enabled: bool, toxics: &[String]) -> Option<(Vec<String>, bool)> {
        let server = ProxyServer::bind((Ipv4Addr::LOCALHOST, 0).into(), 7).await.unwrap();
        let url = format!("http://{}", server.address());
        let serving = tokio::spawn(server.run(std::future::pending()));
        let toxiproxy = Toxiproxy::at(&url).unwrap();
        let proxy = ProxySettings {
            name: link.to_owned(),
            listen: String::from("127.0.0.1:0"),
            upstream: String::from("127.0.0.1:1"),
            enabled: true,
            toxics: Vec::new(),
        };
        toxiproxy.create(&proxy).await.unwrap();
        for name in toxics {
            let (direction, effect) = (Direction::Requests, Effect::Blackhole);
            let toxic = Toxic { name: name.clone(), direction, toxicity: 1.0, effect };
            toxiproxy.add_toxic(link, &toxic).await.unwrap();
        }
        if !enabled {
            toxiproxy.disable(link).await.unwrap();
        }
        free(MINE, &url).await.unwrap();
        let left = toxiproxy.proxies().await.unwrap().remove(link);
        serving.abort();
        let names = |toxics: Vec<Toxic>| toxics.into_iter().map(|toxic| toxic.name).collect();
        left.map(|left| (names(left.toxics), left.enabled))
    }

    #[tokio::test]
    async fn a_toxiproxy_is_freed_of_what_carries_the_runs_id_and_of_nothing_else() {
        let (cut, fault) = (|run| format!("f2-cut-{run}"), |run| format!("f1-requests-{run}"));
        let (mine, theirs) = (fault(MINE), fault(THEIRS));
        let users = String::from("slow");
        let none = Vec::new;
        for (enabled, toxics, left, open) in [
            (true, none(), none(), true),
            (true, vec![mine.clone()], none(), true),
            (true, vec![theirs.clone(), mine.clone()], vec![theirs.clone()], true),
            (true, vec![users.clone(), mine.clone()], vec![users.clone()], true),
            // As an earlier build named them: whose they are is not known.
            (true, vec![String::from("f1-requests")], vec![String::from("f1-requests")], true),
            // Nothing tells that it was this run that disabled it.
            (false, none(), none(), false),
            (false, vec![mine], none(), false),
            (false, vec![cut(MINE)], none(), true),
            (false, vec![cut(THEIRS)], vec![cut(THEIRS)], false),
            (false, vec![cut(THEIRS), cut(MINE)], vec![cut(THEIRS)], false),
            (false, vec![theirs.clone(), cut(MINE), users.clone()], vec![theirs, users], true),
            // The harness was killed before it had disabled it.
            (true, vec![cut(MINE)], none(), true),
        ] {
            let told = format!("{enabled} {toxics:?}");
            assert_eq!(healed("p1-a1", enabled, &toxics).await, Some((left, open)), "{told}");
        }
    }

    #[tokio::test]
    async fn links_that_the_run_has_made_are_removed_and_those_of_another_run_are_not() {
        let link = |run| format!("harness-{run}-p1-a1");
        assert_eq!(healed(&link(MINE), false, &[format!("f2-cut-{MINE}")]).await, None);
        let cut = vec![format!("f2-cut-{THEIRS}")];
        assert_eq!(healed(&link(THEIRS), false, &cut).await, Some((cut.clone(), false)));
    }

    #[tokio::test]
    async fn a_container_without_docker_is_an_error() {
        let failed = take(&Step::Container(String::from("c")), None).await;
        assert!(matches!(failed, Err(StepError::Docker(DockerError::NoDaemon(_)))), "{failed:?}");
    }
}
