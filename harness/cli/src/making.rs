//! What a run makes on the machine: written down before, started, and gone afterwards, however the
//! run ends.

use crate::environment::docker::{daemon, sweep};
use crate::environment::{Environment, EnvironmentError, Start};
use crate::journal::{self, Journal, JournalError, Made};
use crate::progress::say;
use std::path::Path;
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
    /// Whether the links are on a Toxiproxy of the user's.
    toxiproxy: bool,
}

impl Making {
    /// Begins the journal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn begin(scenario: &Scenario) -> Result<Self, JournalError> {
        let journal = Arc::new(Journal::begin(&journal::directory())?);
        let containers = scenario.environment == EnvironmentKind::Docker;
        Ok(Self { journal, containers, toxiproxy: scenario.toxiproxy.is_some() })
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
        if let Some(toxiproxy) = &scenario.toxiproxy {
            let existing = scenario.environment == EnvironmentKind::External;
            self.journal.note(&Made::Links { toxiproxy: toxiproxy.clone(), existing })?;
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

    /// Sees that nothing is left, and ends the journal. When something is left, or may be on a Toxiproxy
    /// that lives on after a run that failed, the journal stays for `harness heal`.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(crate) async fn undo(self, well: bool) -> Result<(), EnvironmentError> {
        if self.containers {
            let (docker, _) = daemon::connect().await?;
            sweep::sweep(&docker, self.journal.run()).await?;
        }
        if self.toxiproxy && !well {
            say("the Toxiproxy may not be as it was found: `harness heal` sees to that");
            return Ok(());
        }
        Ok(self.journal.close()?)
    }
}
