//! Plays a schedule of faults, and verifies each: that it holds, and that it is gone.
//!
//! | question | file |
//! |---|---|
//! | which steps does every fault go through? | `nemesis/course.rs` |
//! | what do faults share that go on at the same time? | `nemesis/scene.rs` |
//! | how is a fault done to links and servers, and undone? | `nemesis/injection.rs` |
//! | whom does it strike? | `nemesis/aim.rs` |
//! | how is it seen? | `nemesis/evidence.rs` |
//! | how does a wiped acceptor come back? | `nemesis/wipe.rs` |
//! | how do acceptors join and leave? | `nemesis/membership.rs`, `nemesis/driver.rs` |
//! | are all in the cluster that should be? | `nemesis/members.rs` |

mod aim;
mod course;
mod driver;
mod evidence;
mod injection;
mod members;
mod membership;
mod scene;
#[cfg(test)]
mod tests;
mod wipe;

pub(crate) use scene::News;

use crate::environment::{Environment, EnvironmentError};
use crate::links::{LinkError, Links};
use course::{go, stopped_before};
use injection::Injection;
use membership::Moving;
use scene::{FaultLog, Scene};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use wipe::Wiping;
use workloads::{FaultKind, PlannedFault, Scenario};

/// Why the nemesis cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NemesisError {
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("a fault was given up half-way: {0}")]
    Died(#[from] JoinError),
}

/// Injects faults and undoes them. Owns the environment while a run goes on.
pub(crate) struct Nemesis {
    scene: Arc<Scene>,
    start: Instant,
}

/// The faults that go on at a time, by their numbers.
struct Active {
    planned: BTreeMap<u32, PlannedFault>,
    courses: JoinSet<(u32, Result<(), NemesisError>)>,
    /// Turns true when they are to be undone before their time.
    halt: watch::Sender<bool>,
}

impl Nemesis {
    pub(crate) fn new(
        environment: Environment,
        links: Arc<Links>,
        scenario: &Scenario,
        path: &Path,
        start: Instant,
    ) -> Result<(Self, watch::Receiver<News>), NemesisError> {
        let (news, receiver) = watch::channel(News::default());
        let log = FaultLog::create(path, start)?;
        let scene = Scene::new(environment, links, scenario, log, news);
        Ok((Self { scene: Arc::new(scene), start }, receiver))
    }

    /// Plays the schedule, and then waits until `stop` turns true. Every fault that was injected is
    /// undone by then, unless undoing it failed. The servers and the links live on until the
    /// nemesis is dropped.
    ///
    /// # Errors
    /// When a fault cannot be done, undone or written down, or a server has ended by itself.
    pub(crate) async fn play(
        &mut self,
        schedule: &[PlannedFault],
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        let (planned, courses) = (BTreeMap::new(), JoinSet::new());
        let mut active = Active { planned, courses, halt: watch::Sender::new(false) };
        let played = self.begin_all(schedule, &mut active, &mut stop).await;
        if played.is_err() {
            active.halt.send_replace(true);
        }
        let ended = active.end(&mut stop).await;
        played.and(ended)?;
        self.scene.news.send_modify(|news| news.calm = true);
        // The servers are looked at once more at the very end: none may have ended by itself.
        drop(stop.wait_for(|stop| *stop).await);
        Ok(self.scene.environment.lock().await.all_there().await?)
    }

    /// Ends the servers. Nobody may call any more.
    ///
    /// # Errors
    /// When one of them cannot be ended.
    pub(crate) async fn finish(self) -> Result<(), NemesisError> {
        Ok(self.scene.environment.lock().await.finish().await?)
    }

    /// Begins each fault at its time. One that strikes a link in common with others that are late
    /// waits for their end: a probe must know whose effect it sees.
    async fn begin_all(
        &self,
        schedule: &[PlannedFault],
        active: &mut Active,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        for (number, planned) in (0..).zip(schedule) {
            let begins = self.start + planned.at.duration();
            while Instant::now() < begins {
                tokio::select! {
                    stopped = stopped_before(begins, stop) => if stopped {
                        return Ok(());
                    },
                    ended = active.one_ended() => ended?,
                }
            }
            while active.planned.values().any(|other| other.meets(planned)) {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return Ok(()),
                    ended = active.one_ended() => ended?,
                }
            }
            if *stop.borrow() {
                return Ok(());
            }
            active.begin(&self.scene, number, planned);
        }
        Ok(())
    }
}

impl Active {
    fn begin(&mut self, scene: &Arc<Scene>, number: u32, planned: &PlannedFault) {
        let (scene, halt) = (Arc::clone(scene), self.halt.subscribe());
        self.planned.insert(number, planned.clone());
        let planned = planned.clone();
        self.courses.spawn(async move { (number, one(&scene, number, &planned, halt).await) });
    }

    /// Waits until one of them has ended; for ever when there is none.
    async fn one_ended(&mut self) -> Result<(), NemesisError> {
        match self.courses.join_next().await {
            None => std::future::pending().await,
            Some(ended) => {
                let (number, ended) = ended?;
                self.planned.remove(&number);
                ended
            }
        }
    }

    /// Waits until all of them have ended; all at once when the run is stopped, or when one fails.
    async fn end(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), NemesisError> {
        let mut first = Ok(());
        while !self.courses.is_empty() {
            let halted = *self.halt.borrow();
            let ended = tokio::select! {
                _ = stop.wait_for(|stop| *stop), if !halted => {
                    self.halt.send_replace(true);
                    continue;
                }
                ended = self.one_ended() => ended,
            };
            if ended.is_err() {
                self.halt.send_replace(true);
                first = first.and(ended);
            }
        }
        first
    }
}

async fn one(
    scene: &Scene,
    number: u32,
    planned: &PlannedFault,
    mut halt: watch::Receiver<bool>,
) -> Result<(), NemesisError> {
    if let Some(change) = &planned.membership {
        let course = Moving::before(scene, number, change).await;
        go(scene, number, planned, course, &mut halt).await
    } else if planned.fault == FaultKind::Wipe {
        let course = Wiping::before(scene, planned).await;
        go(scene, number, planned, course, &mut halt).await
    } else {
        let course = Injection::before(scene, number, planned).await;
        go(scene, number, planned, course, &mut halt).await
    }
}
