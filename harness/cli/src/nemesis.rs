//! Plays a schedule of faults, and shows of each that it bit and that it is gone.
//!
//! Every fault goes the same way: probe → inject → probe that it holds → undo → probe that it is
//! gone. Each step is a line of `faults.jsonl` before the next one is taken.

mod evidence;
mod membership;

use crate::cluster::Links;
use crate::environment::{Environment, EnvironmentError};
use crate::recorder::nanos;
use evidence::Evidence;
use harness_history::{FaultEvent, FaultStage};
use harness_proxy::{Condition, Direction, ProxyError};
use membership::{Members, Moving};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;
use workloads::{FaultKind, OneWay, PlannedChange, PlannedFault, Scenario};

/// Why the nemesis cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NemesisError {
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Injects faults and undoes them. Owns the environment while a run goes on.
pub(crate) struct Nemesis {
    environment: Environment,
    links: Arc<Links>,
    members: Members,
    log: FaultLog,
    news: watch::Sender<News>,
}

/// What is going on.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// The fault of the moment, for people; empty between faults.
    pub(crate) fault: String,
    /// There will be no more faults.
    pub(crate) calm: bool,
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
        let members = Members::new(scenario, &links);
        Ok((Self { environment, links, members, log, news }, receiver))
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
        for (number, planned) in (0..).zip(schedule) {
            let begins = self.log.start + planned.at.duration();
            if stopped_before(begins, &mut stop).await {
                break;
            }
            match &planned.membership {
                Some(change) => self.membership(number, planned, change, &mut stop).await?,
                None => self.one(number, planned, &mut stop).await?,
            }
        }
        self.news.send_modify(|news| news.calm = true);
        // The servers are looked at once more at the very end: none may have ended by itself.
        drop(stop.wait_for(|stop| *stop).await);
        Ok(self.environment.all_there().await?)
    }

    /// Ends the servers. Nobody may call any more.
    ///
    /// # Errors
    /// When one of them cannot be ended.
    pub(crate) async fn finish(mut self) -> Result<(), NemesisError> {
        Ok(self.environment.finish().await?)
    }

    async fn one(
        &mut self,
        number: u32,
        planned: &PlannedFault,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        let what = planned.what();
        let mut log = |stage, evidence| self.log.write(number, planned, &what, stage, evidence);
        let mut evidence = Evidence::before(planned, &self.links, &mut self.environment).await;
        log(FaultStage::Before, evidence.take())?;

        inject(planned, &self.links, &mut self.environment).await?;
        log(FaultStage::Injected, Vec::new())?;
        let ends = Instant::now() + planned.lasts.duration();
        self.news.send_modify(|news| news.fault.clone_from(&what));
        let held = evidence.during(&mut self.environment).await;
        log(if held { FaultStage::Held } else { FaultStage::DidNotHold }, evidence.take())?;

        stopped_before(ends, stop).await;
        undo(planned, &self.links, &mut self.environment).await?;
        self.news.send_modify(|news| news.fault.clear());
        log(FaultStage::Undone, Vec::new())?;
        let gone = evidence.after(&mut self.environment).await;
        log(if gone { FaultStage::Gone } else { FaultStage::NotUndone }, evidence.take())
    }

    /// The same for a change of membership. What is done is not taken back: it is undone when the
    /// cluster is at rest again.
    async fn membership(
        &mut self,
        number: u32,
        planned: &PlannedFault,
        change: &PlannedChange,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        let what = planned.what();
        let mut log = |stage, evidence| self.log.write(number, planned, &what, stage, evidence);
        let mut moving = Moving::before(&mut self.members, &mut self.environment, change).await;
        log(FaultStage::Before, moving.take())?;

        moving.begin().await?;
        log(FaultStage::Injected, Vec::new())?;
        let ends = Instant::now() + planned.lasts.duration();
        self.news.send_modify(|news| news.fault.clone_from(&what));
        let held = moving.during(stop).await?;
        log(if held { FaultStage::Held } else { FaultStage::DidNotHold }, moving.take())?;

        stopped_before(ends, stop).await;
        moving.undo().await?;
        self.news.send_modify(|news| news.fault.clear());
        log(FaultStage::Undone, moving.take())?;
        let gone = moving.after().await;
        log(if gone { FaultStage::Gone } else { FaultStage::NotUndone }, moving.take())
    }
}

/// Waits until then, or until the run is stopped, and says which came first.
async fn stopped_before(then: Instant, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout_at(then, stop.wait_for(|stop| *stop)).await.is_ok()
}

async fn inject(
    planned: &PlannedFault,
    links: &Links,
    environment: &mut Environment,
) -> Result<(), NemesisError> {
    for node in planned.nodes.iter().copied() {
        environment.strike(planned.fault, node).await?;
    }
    for link in planned.links.iter().filter_map(|link| links.get(*link)) {
        link.set(condition(planned))?;
    }
    Ok(())
}

async fn undo(
    planned: &PlannedFault,
    links: &Links,
    environment: &mut Environment,
) -> Result<(), NemesisError> {
    for link in planned.links.iter().filter_map(|link| links.get(*link)) {
        link.heal()?;
    }
    for node in planned.nodes.iter().copied() {
        environment.undo(planned.fault, node).await?;
    }
    Ok(())
}

fn condition(planned: &PlannedFault) -> Condition {
    match planned.fault {
        FaultKind::Cut => Condition::Cut,
        FaultKind::Blackhole => Condition::Blackhole,
        FaultKind::OneWay => Condition::OneWay(match planned.direction {
            Some(OneWay::Replies) => Direction::Replies,
            Some(OneWay::Requests) | None => Direction::Requests,
        }),
        FaultKind::Latency => Condition::Latency {
            latency: planned.latency.unwrap_or_default().duration(),
            jitter: planned.jitter.unwrap_or_default().duration(),
        },
        FaultKind::Loss => Condition::Loss { probability: planned.probability.unwrap_or_default() },
        _ => Condition::Clear,
    }
}

/// `faults.jsonl`, a line per step, flushed as it goes.
struct FaultLog {
    path: PathBuf,
    file: File,
    start: Instant,
}

impl FaultLog {
    fn create(path: &Path, start: Instant) -> Result<Self, NemesisError> {
        let file = File::create_new(path)
            .map_err(|source| NemesisError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file, start })
    }

    fn write(
        &mut self,
        fault: u32,
        planned: &PlannedFault,
        what: &str,
        stage: FaultStage,
        evidence: Vec<String>,
    ) -> Result<(), NemesisError> {
        let event = FaultEvent {
            fault,
            time: nanos(self.start.elapsed()),
            name: planned.fault.name().to_owned(),
            what: what.to_owned(),
            stage,
            evidence,
        };
        let io = |source| NemesisError::Io { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(&event).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(io)
    }
}
