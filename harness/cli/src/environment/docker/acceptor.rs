//! An acceptor in a container: a Redis server that syncs its log, at an address of its own.

use super::Ground;
use super::container::{self, Container, Spec};
use super::daemon::DockerError;
use super::log_tail::{self, Lost, Watch};
use super::names::MOST_ACCEPTORS;
use crate::environment::tail::synced_after;
use crate::environment::trouble::{self, Trouble};
use crate::environment::{EnvironmentError, standing};
use crate::probe;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use workloads::{FaultKind, Fsync};

/// Where Redis listens.
const PORT: u16 = 6379;

/// An acceptor.
pub(super) struct Acceptor {
    number: u32,
    address: SocketAddr,
    /// None when it has ended for good.
    container: Option<Container>,
    /// What stands in its place then.
    stone: Option<Container>,
    /// Knows how long its log was; none when every write is synced before it is answered.
    watch: Option<Watch>,
    /// What its log has lost last.
    lost: Option<Lost>,
    /// The trouble that it is told to have.
    trouble: Option<Trouble>,
}

impl Acceptor {
    /// Starts one, and waits until it answers.
    pub(super) async fn start(ground: &Ground, number: u32) -> Result<Self, EnvironmentError> {
        let container = run(ground, number).await?;
        let address = container.address();
        let watch = synced_after(ground.fsync).map(|age| Watch::start(address, age));
        Ok(Self {
            number,
            address,
            container: Some(container),
            stone: None,
            watch,
            lost: None,
            trouble: None,
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    fn there(&self) -> Result<&Container, EnvironmentError> {
        self.container.as_ref().ok_or_else(|| EnvironmentError::NotUp {
            acceptor: self.number,
            reason: String::from("it has ended for good"),
            log: String::new(),
        })
    }

    pub(super) async fn inject(
        &mut self,
        ground: &Ground,
        fault: FaultKind,
    ) -> Result<(), EnvironmentError> {
        let container = self.there()?;
        if trouble::KINDS.contains(&fault) {
            self.trouble = Some(trouble::inject(fault, self.address).await?);
        } else if fault == FaultKind::Kill {
            container.kill().await?;
        } else if fault == FaultKind::Restart {
            container.stop().await?;
        } else if fault == FaultKind::Pause {
            container.pause().await?;
        } else if fault == FaultKind::Wipe {
            self.wipe(ground).await?;
        } else if fault == FaultKind::TailLost {
            self.lose_tail(ground).await?;
        } else {
            return Err(EnvironmentError::Unable(fault));
        }
        Ok(())
    }

    /// Undoes a fault, and waits until it serves. A wiped one serves already, empty: that it takes
    /// part again is the cluster's affair.
    pub(super) async fn undo(&mut self, fault: FaultKind) -> Result<(), EnvironmentError> {
        if trouble::KINDS.contains(&fault) {
            return match self.trouble.take() {
                Some(trouble) => Ok(trouble.undo().await?),
                None => Ok(()),
            };
        }
        let container = self.there()?;
        if fault == FaultKind::Pause {
            container.unpause().await?;
        } else if matches!(fault, FaultKind::Kill | FaultKind::Restart | FaultKind::TailLost) {
            container.start_again().await?;
        } else if fault != FaultKind::Wipe {
            return Err(EnvironmentError::Unable(fault));
        }
        Ok(container.up(probe::answers).await?)
    }

    /// Removes its container with all that it held, and starts another of the same name at the same
    /// address.
    pub(super) async fn wipe(&mut self, ground: &Ground) -> Result<(), EnvironmentError> {
        if ground.guarded {
            return self.renew(ground).await;
        }
        let url = format!("redis://{}", self.address);
        standing::kept(&url, Box::pin(self.renew(ground))).await
    }

    async fn renew(&mut self, ground: &Ground) -> Result<(), EnvironmentError> {
        self.there()?.kill().await?;
        self.end(ground).await?;
        if let Some(watch) = &self.watch {
            watch.forget();
        }
        self.container = Some(run(ground, self.number).await?);
        Ok(())
    }

    /// Kills it and cuts its log back to what counts as synced.
    async fn lose_tail(&mut self, ground: &Ground) -> Result<(), EnvironmentError> {
        let container = self.there()?;
        let synced = self.watch.as_ref().map(Watch::synced);
        container.kill().await?;
        self.lost = Some(match synced {
            Some(synced) => log_tail::cut(&ground.docker, container.name(), synced).await?,
            // Everything that was answered had been synced: nothing can be lost.
            None => Lost { of: 0, bytes: 0 },
        });
        if let (Some(watch), Some(lost)) = (&self.watch, self.lost) {
            watch.cut(lost);
        }
        Ok(())
    }

    /// Removes its container, and keeps what it wrote.
    async fn end(&mut self, ground: &Ground) -> Result<(), EnvironmentError> {
        let Some(container) = self.container.take() else { return Ok(()) };
        keep_log(ground, &format!("a{}", self.number), &container).await?;
        Ok(container.remove().await?)
    }

    /// Ends it for good. Another container takes its address that does not listen at its port: whoever still
    /// asks there is refused at once, as by a machine whose server has ended, and need not find out
    /// that there is no such machine.
    pub(super) async fn retire(&mut self, ground: &Ground) -> Result<(), EnvironmentError> {
        if self.container.is_none() {
            return Ok(());
        }
        self.end(ground).await?;
        // Redis ends at once where it is to listen to nothing at all.
        let nothing = ["redis-server", "--port", "1", "--save", ""].map(String::from);
        let spec = Spec {
            name: format!("{}-gone", ground.names.acceptor(self.number)),
            image: ground.image.clone(),
            command: nothing.to_vec(),
            address: ground.subnet.acceptor(self.number),
            port: PORT,
        };
        self.stone = Some(ground.start(spec).await?);
        Ok(())
    }

    /// Removes whatever there is of it.
    pub(super) async fn vanish(&mut self, ground: &Ground) -> Result<(), EnvironmentError> {
        if let Some(stone) = self.stone.take() {
            stone.remove().await?;
        }
        self.end(ground).await
    }

    /// It must not have ended by itself.
    pub(super) async fn all_there(&self) -> Result<(), EnvironmentError> {
        match &self.container {
            Some(container) => Ok(container.runs().await?),
            None => Ok(()),
        }
    }

    /// How many bytes its log lost when its end was last cut off.
    pub(super) fn tail_lost(&self) -> Option<u64> {
        self.lost.map(|lost| lost.bytes as u64)
    }

    /// What the daemon says about it, and what its log has lost.
    pub(super) async fn evidence(&mut self) -> String {
        let Some(container) = &self.container else {
            return format!("the container of a{} is removed", self.number);
        };
        let state = container.state().await;
        let state = state.map_or_else(|error| error.to_string(), |state| container::words(&state));
        let lost = match self.lost.take() {
            Some(Lost { of: 0, .. }) => {
                String::from("; its log is synced before every answer: nothing was lost")
            }
            Some(Lost { of, bytes }) => {
                format!("; {bytes} of the {of} bytes of its log were cut off, as not synced")
            }
            None => String::new(),
        };
        format!("container {}: {state}{lost}", container.name())
    }
}

/// Where an acceptor of this number listens, now or later. None when there can be none.
pub(super) fn address(ground: &Ground, number: u32) -> Option<SocketAddr> {
    (number <= MOST_ACCEPTORS).then(|| (ground.subnet.acceptor(number), PORT).into())
}

/// Starts an acceptor's container, and waits until its server answers.
async fn run(ground: &Ground, number: u32) -> Result<Container, EnvironmentError> {
    if number > MOST_ACCEPTORS {
        return Err(DockerError::TooMany(MOST_ACCEPTORS).into());
    }
    let spec = Spec {
        name: ground.names.acceptor(number),
        image: ground.image.clone(),
        command: command(ground.fsync),
        address: ground.subnet.acceptor(number),
        port: PORT,
    };
    let container = ground.start(spec).await?;
    container.up(probe::answers).await?;
    Ok(container)
}

/// Redis, that keeps every write in its log, and never makes the log anew.
fn command(fsync: Fsync) -> Vec<String> {
    let words = [
        "redis-server",
        "--appendonly",
        "yes",
        "--appendfsync",
        fsync.name(),
        "--auto-aof-rewrite-percentage",
        "0",
        "--save",
        "",
        // The network is the run's own.
        "--protected-mode",
        "no",
        "--dir",
        "/data",
    ];
    words.map(String::from).to_vec()
}

/// Adds what a container wrote to its log in the run directory.
pub(super) async fn keep_log(
    ground: &Ground,
    name: &str,
    container: &Container,
) -> Result<(), EnvironmentError> {
    let path = ground.logs.join(format!("{name}.log"));
    let text = container.log().await;
    let file = File::options().create(true).append(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| EnvironmentError::Io { path, source })
}
