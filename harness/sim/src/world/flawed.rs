//! Procedures with one flaw: what they ask of acceptors, and hear from them, is bent on the way, so that they
//! behave as if the flaw were in their own code.

use super::errands::RemoteAcceptor;
use super::network::Control;
use crate::mutants::Flaw;
use gryadka_cluster::{ClusterConfig, Cursor, KEY, Page, RegisterChange, RequestError, Status};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A flaw of a procedure, if it has one, and what it remembers for that.
#[derive(Debug, Clone)]
pub(super) struct Flawed {
    flaw: Option<Flaw>,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    /// How many members the configuration has that the procedure works under, and the lowest place.
    members: usize,
    first: Option<u32>,
    /// What acceptors have said of themselves.
    states: BTreeMap<u32, Status>,
}

impl Flawed {
    pub(super) fn new(flaw: Option<Flaw>) -> Self {
        Self { flaw, memory: Arc::default() }
    }

    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The procedure works under this configuration.
    pub(super) fn open(&self, config: &ClusterConfig) {
        let mut memory = self.memory();
        memory.members = config.members().len();
        memory.first = config.acceptors.values().filter_map(|at| super::home_of(at)).min();
    }

    /// What the procedure takes an acceptor for.
    pub(super) fn status(&self, home: u32, status: Status) -> Status {
        match self.flaw {
            Some(Flaw::TrustsListings) if status.state.is_some() => {
                self.memory().states.insert(home, status.clone());
                status
            }
            Some(Flaw::TrustsListings) => {
                self.memory().states.get(&home).cloned().unwrap_or(status)
            }
            Some(Flaw::ForgetsRetired) if status.state.is_none() => Status::default(),
            Some(_) | None => status,
        }
    }

    /// The keys of an acceptor, as the procedure sees them.
    pub(super) async fn list(
        &self,
        acceptor: &RemoteAcceptor,
        cursor: Cursor,
    ) -> Result<Page, RequestError> {
        let (even, first) = {
            let memory = self.memory();
            (memory.members.is_multiple_of(2), memory.first)
        };
        let nothing = Page { keys: Vec::new(), next: None };
        let stale = self.has(Flaw::KeepsCursors);
        match self.flaw {
            Some(Flaw::NoRescan) => return Ok(nothing),
            Some(Flaw::EvenUnscanned) if even => return Ok(nothing),
            Some(Flaw::RescansOneAcceptor) if first != Some(acceptor.home) => return Ok(nothing),
            Some(_) | None => {}
        }
        let page = acceptor.page(Control::List { cursor, stale }).await?;
        match (self.flaw, page.next.clone()) {
            (Some(Flaw::RescansOneKey), _) => {
                let keys = page.keys.into_iter().filter(|key| key != KEY).take(1).collect();
                Ok(Page { keys, next: None })
            }
            (Some(Flaw::SkipsLastPage), Some(cursor)) => {
                let after = acceptor.page(Control::List { cursor, stale }).await?;
                Ok(Page { next: after.next.and(page.next), ..page })
            }
            _ => Ok(page),
        }
    }

    /// The change that the procedure makes in the place of this one.
    pub(super) fn change(&self, change: RegisterChange) -> RegisterChange {
        if self.has(Flaw::TakesTwoSteps)
            && let RegisterChange::Replace { before, after } = &change
            && let Some(after) = two_steps(after)
        {
            return RegisterChange::Replace { before: before.clone(), after };
        }
        change
    }
}

/// The configuration after the one to which a step leads, as if it were the next.
fn two_steps(after: &[u8]) -> Option<bytes::Bytes> {
    let next = ClusterConfig::parse(after).ok()?;
    let (target, before) = (next.target.clone()?, next.before.clone()?);
    let goal = target.iter().copied().map(caspaxos::AcceptorId).collect();
    let step = caspaxos::plan(&next.configuration().ok()?, &goal).ok()?.into_iter().next()?;
    let (prepare, accept) = (step.prepare().into(), step.accept().into());
    let skipped =
        ClusterConfig { epoch: step.epoch(), prepare, accept, before: Some(before), ..next };
    Some(skipped.bytes())
}
