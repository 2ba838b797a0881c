//! Tasks that outlast the request that asked for them: one at a time, and the last ones remembered.
//!
//! They end with the process. What one has not finished, `resume` does, here or anywhere else.

use super::problem::{Problem, ProblemDetails};
use crate::administration::{Administration, Outcome, Task, TaskError};
use gryadka::{Membership, MembershipEvent};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How many operations are remembered.
const REMEMBERED: usize = 64;
/// How long one may go on, if it is not cancelled.
const LONGEST_RUN: Duration = Duration::from_secs(86_400);

/// All operations of this service, by id. Ids count from 1 in each life of the service.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    table: Mutex<BTreeMap<u64, Arc<Operation>>>,
}

/// One task, running or ended.
#[derive(Debug)]
struct Operation {
    id: u64,
    kind: &'static str,
    course: watch::Sender<Course>,
    cancel: Notify,
}

/// How far a task has come.
#[derive(Debug, Default)]
struct Course {
    phase: Option<&'static str>,
    epoch: Option<u64>,
    keys: u64,
    end: Option<Result<Outcome, TaskError>>,
}

/// The answer to a client about an operation.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    id: u64,
    kind: &'static str,
    state: State,
    /// The last step that was done.
    phase: Option<&'static str>,
    /// The epoch that this was done in.
    epoch: Option<u64>,
    /// The keys that were committed again in this epoch.
    keys: u64,
    /// Its result.
    result: Option<Outcome>,
    /// Why it failed.
    problem: Option<ProblemDetails>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Running,
    Done,
    Failed,
}

impl Operations {
    /// Starts a task in the background, and waits up to `timeout` for its first step. If it fails
    /// before that, the client that asked for it gets the error.
    pub(crate) async fn begin(
        &self,
        cluster: &Administration,
        task: Task,
        timeout: Duration,
    ) -> Result<Status, Problem> {
        let operation = self.start(cluster, task)?;
        let mut course = operation.course.subscribe();
        let first_step = course.wait_for(|course| course.phase.is_some() || course.end.is_some());
        // A task that takes longer has begun all the same.
        drop(tokio::time::timeout(timeout, first_step).await);
        let course = operation.course.borrow();
        match (&course.phase, &course.end) {
            (None, Some(Err(error))) => Err(error.into()),
            (_, _) => Ok(operation.status(&course)),
        }
    }

    fn start(&self, cluster: &Administration, task: Task) -> Result<Arc<Operation>, Problem> {
        let mut table = self.table();
        let last = table.last_key_value().map(|(_, operation)| operation);
        if let Some(running) = last.filter(|last| last.course.borrow().end.is_none()) {
            let cancels = matches!(task, Task::Membership(Membership::Cancel));
            if !cancels || running.kind == task.name() {
                return Err(Problem::OperationRunning { id: running.id });
            }
            running.cancel.notify_one();
        }
        let operation = Arc::new(Operation {
            id: last.map_or(0, |last| last.id) + 1,
            kind: task.name(),
            course: watch::Sender::default(),
            cancel: Notify::new(),
        });
        table.insert(operation.id, Arc::clone(&operation));
        if table.len() > REMEMBERED {
            table.pop_first();
        }
        drop(table);
        let (cluster, own) = (cluster.clone(), Arc::clone(&operation));
        tokio::spawn(async move { own.run(&cluster, task).await });
        Ok(operation)
    }

    /// The state of an operation.
    pub(crate) fn status(&self, id: u64) -> Option<Status> {
        let operation = self.table().get(&id).map(Arc::clone)?;
        let course = operation.course.borrow();
        Some(operation.status(&course))
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Operation>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operation {
    async fn run(&self, cluster: &Administration, task: Task) {
        let Self { id, kind, .. } = self;
        tracing::info!(id, kind, "operation started");
        let watch = |progress| self.course.send_modify(|course| course.note(&progress));
        let end = tokio::select! {
            biased;
            () = self.cancel.notified() => Err(TaskError::Cancelled),
            end = cluster.perform(task, LONGEST_RUN, &watch) => end,
        };
        match &end {
            Ok(_) => tracing::info!(id, kind, "operation done"),
            Err(error) => tracing::warn!(id, kind, %error, "operation failed"),
        }
        self.course.send_modify(|course| course.end = Some(end));
    }

    fn status(&self, course: &Course) -> Status {
        let (state, result, problem) = match &course.end {
            None => (State::Running, None, None),
            Some(Ok(outcome)) => (State::Done, Some(outcome.clone()), None),
            Some(Err(error)) => (State::Failed, None, Some(Problem::from(error).details())),
        };
        let &Course { phase, epoch, keys, .. } = course;
        Status { id: self.id, kind: self.kind, state, phase, epoch, keys, result, problem }
    }
}

impl Course {
    fn note(&mut self, progress: &MembershipEvent) {
        let (phase, epoch) = match progress {
            MembershipEvent::Announced(_) => ("announced", self.epoch),
            MembershipEvent::Admitted(_) => ("admitted", self.epoch),
            MembershipEvent::Decided(epoch) => ("decided", Some(*epoch)),
            MembershipEvent::Fenced(epoch) => ("fenced", Some(*epoch)),
            MembershipEvent::Rescanned { epoch, .. } => ("rescanned", Some(*epoch)),
            MembershipEvent::RescanComplete(epoch) => ("rescan-complete", Some(*epoch)),
        };
        self.keys = match progress {
            MembershipEvent::Rescanned { keys, .. } => *keys,
            MembershipEvent::Decided(_) => 0,
            MembershipEvent::Announced(_)
            | MembershipEvent::Admitted(_)
            | MembershipEvent::Fenced(_)
            | MembershipEvent::RescanComplete(_) => self.keys,
        };
        (self.phase, self.epoch) = (Some(phase), epoch);
    }
}

impl Status {
    /// Which operation.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }
}
