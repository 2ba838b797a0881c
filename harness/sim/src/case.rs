//! A run written out: every call, every fault, and every message that something befell.

use crate::fault::Fault;
use crate::message::{Fate, MessageId, OpId};
use crate::setup::{Setup, SetupError};
use harness_history::{Function, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use workloads::{Call, Link};

/// A run that says everything by itself, so that parts of it can be left out and the rest run
/// again. Messages that it does not name arrive after [`crate::CALM`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Case {
    /// Seeds the waits between the rounds of one change, and nothing else.
    pub seed: u64,
    /// The world. Of its faults only those of processes are there; its network and load are not
    /// asked.
    pub setup: Setup,
    /// The calls, in order of time.
    pub operations: Vec<PlannedCall>,
    /// What befell messages, in order of their names.
    pub disturbed: Vec<Disturbance>,
}

/// One call of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCall {
    /// Which operation it is.
    pub id: OpId,
    /// When it is made, in virtual nanoseconds; later when the client's call before has not ended.
    pub at: u64,
    /// The proposer that is asked, counted from 1.
    pub proposer: u32,
    /// What is asked.
    pub f: Function,
    /// The object.
    pub key: String,
    /// The argument.
    pub value: Value,
}

/// What befell one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disturbance {
    /// The message.
    pub message: MessageId,
    /// What befell it.
    pub fate: Fate,
}

impl PlannedCall {
    pub(crate) fn call(&self) -> Call {
        Call { f: self.f, key: self.key.clone(), value: self.value.clone() }
    }
}

/// Why a text is no case.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// It is not written like one.
    #[error("not a case: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Its world cannot be.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// An operation asks a proposer or is made by a client that there is not.
    #[error("operation {op} is of client {} and asks proposer {proposer}, but there are {clients} clients and {proposers} proposers", op.client)]
    Stranger {
        /// The operation.
        op: OpId,
        /// The proposer that it asks.
        proposer: u32,
        /// How many clients there are, counted from 0.
        clients: u32,
        /// How many proposers there are, counted from 1.
        proposers: u32,
    },
}

impl Case {
    /// Reads a case from JSON, as serde writes it.
    ///
    /// # Errors
    /// [`CaseError`].
    pub fn parse(text: &str) -> Result<Self, CaseError> {
        let case: Self = serde_json::from_str(text)?;
        case.setup.check()?;
        let (clients, proposers) = (case.setup.clients, case.setup.proposers);
        for PlannedCall { id: op, proposer, .. } in &case.operations {
            if op.client >= clients || !(1..=proposers).contains(proposer) {
                let (op, proposer) = (*op, *proposer);
                return Err(CaseError::Stranger { op, proposer, clients, proposers });
            }
        }
        Ok(case)
    }

    /// The links with a disturbed message on them.
    #[must_use]
    pub fn disturbed_links(&self) -> BTreeSet<Link> {
        self.disturbed.iter().filter_map(|disturbance| self.link_of(disturbance.message)).collect()
    }

    /// The link that a message travels on, if its operation is part of the case.
    #[must_use]
    pub fn link_of(&self, message: MessageId) -> Option<Link> {
        let proposer = match message.op.client {
            OpId::COLLECTOR => self.setup.collector(),
            learner if (OpId::LEARNER..OpId::PROCEDURE).contains(&learner) => {
                learner - OpId::LEARNER + 1
            }
            _ if message.op.procedure().is_some() => message.op.procedure()?.0,
            _ => self.operations.iter().find(|operation| operation.id == message.op)?.proposer,
        };
        Some(Link { proposer, acceptor: self.setup.home(message.acceptor) })
    }

    /// The faults of processes.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.setup.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detail, SimScenario, run};

    #[test]
    fn a_case_with_a_stranger_in_it_is_refused_by_name() {
        let run = run(3, &SimScenario::swarm(), Detail::Everything);
        let mut case = run.case.unwrap();
        assert_eq!(Case::parse(&serde_json::to_string(&case).unwrap()).unwrap(), case);
        case.operations[0].proposer = case.setup.proposers + 1;
        let error = Case::parse(&serde_json::to_string(&case).unwrap()).unwrap_err();
        assert!(matches!(error, CaseError::Stranger { .. }), "{error}");
    }
}
