//! Tasks that outlast the request that asked for them: one at a time, and the last ones remembered.

use crate::administration::{Administration, Progress, Task, TaskError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// How many operations are remembered.
const REMEMBERED: usize = 64;

/// All operations of this service, by id. Ids count from 1 in each life of the service.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    table: Mutex<BTreeMap<u64, Arc<Operation>>>,
}

/// One task, under way or ended.
#[derive(Debug)]
struct Operation {
    kind: &'static str,
    progress: Progress,
    end: OnceLock<Result<(), TaskError>>,
}

/// What a client is told of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Status {
    id: u64,
    kind: &'static str,
    state: State,
    /// Keys that are finished, and keys in all where that is known.
    done: u64,
    total: Option<u64>,
    /// Why it failed.
    detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Running,
    Done,
    Failed,
}

/// Another operation is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy {
    pub(crate) id: u64,
}

impl Operations {
    /// Starts a task in the background.
    pub(crate) fn start(&self, cluster: &Administration, task: Task) -> Result<Status, Busy> {
        let mut table = self.table();
        let last = table.last_key_value();
        if let Some((&id, _)) = last.filter(|(_, operation)| operation.end.get().is_none()) {
            return Err(Busy { id });
        }
        let id = last.map_or(0, |(&id, _)| id) + 1;
        let operation = Arc::new(Operation {
            kind: task.name(),
            progress: Progress::default(),
            end: OnceLock::new(),
        });
        table.insert(id, operation.clone());
        if table.len() > REMEMBERED {
            table.pop_first();
        }
        let status = operation.status(id);
        let cluster = cluster.clone();
        tokio::spawn(async move {
            tracing::info!(id, kind = operation.kind, "operation started");
            let end = cluster.perform(task, &operation.progress).await;
            tracing::info!(id, kind = operation.kind, ?end, "operation ended");
            operation.end.get_or_init(|| end);
        });
        Ok(status)
    }

    /// How an operation is.
    pub(crate) fn status(&self, id: u64) -> Option<Status> {
        Some(self.table().get(&id)?.status(id))
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Operation>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operation {
    fn status(&self, id: u64) -> Status {
        let total = self.progress.total();
        Status {
            id,
            kind: self.kind,
            state: match self.end.get() {
                None => State::Running,
                Some(Ok(())) => State::Done,
                Some(Err(_)) => State::Failed,
            },
            done: self.progress.done(),
            total: (total > 0).then_some(total),
            detail: self.end.get().and_then(|end| end.as_ref().err()).map(ToString::to_string),
        }
    }
}

impl Status {
    /// Which operation.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }
}
