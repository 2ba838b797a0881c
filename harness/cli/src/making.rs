//! What a run makes on the machine: written down before, started, and gone afterwards, however the
//! run ends.

use crate::environment::docker::{daemon, sweep};
use crate::environment::{Environment, EnvironmentError, Start};
use crate::heal::{Step, take};
use crate::journal::{self, Journal, JournalError, Made};
use crate::progress::say;
use std::path::{self, Path};
use std::sync::Arc;
use workloads::{EnvironmentKind, Scenario};

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakingError {
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("interrupted before the run began")]
    Interrupted,
}

/// Everything that a run makes.
pub(crate) struct Making {
    journal: Arc<Journal>,
    containers: bool,
    /// The user's Toxiproxy that the links are on, if they are.
    toxiproxy: Option<String>,
    /// A service of the user's that the run's keys are deleted through, where the store is not the run's.
    service: Option<String>,
}

impl Making {
    /// Begins the journal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn begin(scenario: &Scenario) -> Result<Self, JournalError> {
        let journal = Arc::new(Journal::begin(&journal::directory())?);
        let containers = scenario.environment == EnvironmentKind::Docker;
        let external = scenario.environment == EnvironmentKind::External;
        let service = scenario.services.first().filter(|_| external).cloned();
        Ok(Self { journal, containers, toxiproxy: scenario.toxiproxy.clone(), service })
    }

    /// The run's id.
    pub(crate) fn run(&self) -> &str {
        self.journal.run()
    }

    /// Starts the servers. When `interrupted` comes first, the start is still waited for, and undone:
    /// whatever was half made would be made by others behind our back.
    ///
    /// # Errors
    /// When they cannot be started, or it was interrupted.
    pub(crate) async fn start(
        &self,
        scenario: &Scenario,
        logs: &Path,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Environment, MakingError> {
        if let Some(toxiproxy) = &self.toxiproxy {
            self.journal.note(&Made::Links { toxiproxy: toxiproxy.clone() })?;
        }
        let starting = Environment::start(Start { scenario, logs, journal: &self.journal });
        tokio::pin!(starting);
        tokio::select! {
            started = &mut starting => return Ok(started?),
            () = interrupted => {}
        }
        say("stopping: ending what was started");
        if let Ok(mut environment) = starting.await {
            environment.finish().await?;
        }
        Err(MakingError::Interrupted)
    }

    /// Writes down that keys are about to be made, which this history will name.
    ///
    /// # Errors
    /// When it cannot be written; then no call may be made.
    pub(crate) fn keys(&self, history: &Path) -> Result<(), JournalError> {
        let Some(service) = self.service.clone() else { return Ok(()) };
        let history = path::absolute(history).unwrap_or_else(|_| history.to_owned());
        self.journal.note(&Made::Keys { service, history })
    }

    /// Sees that nothing is left, and ends the journal. What is left all the same on a Toxiproxy or in a
    /// store of the user's is told, and the journal stays for `harness heal`.
    ///
    /// # Errors
    /// When a container or a network cannot be removed.
    pub(crate) async fn undo(self, history: &Path, well: bool) -> Result<(), EnvironmentError> {
        if self.containers {
            let (docker, _) = daemon::connect().await?;
            sweep::sweep(&docker, self.journal.run()).await?;
        }
        let run = self.journal.run();
        let mut steps = Vec::new();
        // A run that went well has seen to its links itself.
        if let Some(toxiproxy) = self.toxiproxy.clone().filter(|_| !well) {
            steps.push(Step::Links { run: run.to_owned(), toxiproxy });
        }
        // Without a history there was no call.
        if let Some(service) = self.service.clone().filter(|_| history.is_file()) {
            let history = history.to_owned();
            steps.push(Step::Keys { run: run.to_owned(), service, history });
        }
        let mut whole = true;
        for step in &steps {
            if let Err(error) = take(step, None).await {
                say(format!("could not {step}: {error}; to try again: harness heal --run {run}"));
                whole = false;
            }
        }
        if whole {
            self.journal.close()?;
        }
        Ok(())
    }
}
