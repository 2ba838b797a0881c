//! What all faults of a run share: the environment, the links, and where they are written down.

use super::NemesisError;
use super::members::Members;
use crate::environment::Environment;
use crate::links::Links;
use crate::recorder::nanos;
use harness_history::{FaultEvent, FaultStage};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::time::Instant;
use workloads::{Mutant, PlannedFault, Scenario};

/// What is going on.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// The faults of the moment, for people; empty between faults.
    pub(crate) fault: String,
    /// There will be no more faults.
    pub(crate) calm: bool,
}

/// Where faults take place. Several may at a time; each takes the environment only while it does
/// something to it.
pub(super) struct Scene {
    pub(super) environment: tokio::sync::Mutex<Environment>,
    pub(super) links: Arc<Links>,
    pub(super) members: tokio::sync::Mutex<Members>,
    pub(super) nodes: u32,
    pub(super) mutant: Option<Mutant>,
    pub(super) news: watch::Sender<News>,
    log: FaultLog,
    going_on: Mutex<BTreeMap<u32, String>>,
}

impl Scene {
    pub(super) fn new(
        environment: Environment,
        links: Arc<Links>,
        scenario: &Scenario,
        log: FaultLog,
        news: watch::Sender<News>,
    ) -> Self {
        let members = Members::new(scenario, &links);
        Self {
            environment: tokio::sync::Mutex::new(environment),
            links,
            members: tokio::sync::Mutex::new(members),
            nodes: scenario.nodes,
            mutant: scenario.mutant,
            news,
            log,
            going_on: Mutex::default(),
        }
    }

    /// Tells the user of a fault that has begun.
    pub(super) fn goes_on(&self, number: u32, what: &str) {
        self.tell(|going_on| drop(going_on.insert(number, what.to_owned())));
    }

    /// Tells the user of it no more.
    pub(super) fn is_over(&self, number: u32) {
        self.tell(|going_on| drop(going_on.remove(&number)));
    }

    fn tell(&self, change: impl FnOnce(&mut BTreeMap<u32, String>)) {
        let mut going_on = self.going_on.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut going_on);
        let faults: Vec<_> = going_on.values().map(String::as_str).collect();
        let fault = faults.join("; ");
        self.news.send_modify(|news| news.fault = fault);
    }

    /// Writes down how far a fault has come.
    pub(super) fn write(
        &self,
        fault: u32,
        planned: &PlannedFault,
        what: &str,
        stage: FaultStage,
        evidence: Vec<String>,
    ) -> Result<(), NemesisError> {
        let event = FaultEvent {
            fault,
            time: nanos(self.log.start.elapsed()),
            name: planned.fault.name().to_owned(),
            what: what.to_owned(),
            stage,
            evidence,
        };
        self.log.write(&event)
    }
}

/// `faults.jsonl`, a line per step, flushed as it goes.
pub(super) struct FaultLog {
    path: PathBuf,
    file: Mutex<File>,
    pub(super) start: Instant,
}

impl FaultLog {
    pub(super) fn create(path: &Path, start: Instant) -> Result<Self, NemesisError> {
        let file = File::create_new(path)
            .map_err(|source| NemesisError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), start })
    }

    fn write(&self, event: &FaultEvent) -> Result<(), NemesisError> {
        let io = |source| NemesisError::Io { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(event).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).map_err(io)
    }
}
