//! The checker's answer about a run.

use crate::run::SimRun;
use harness_checker::{Answer, Budget, Check, ModelError, Settings, UnknownModel, check};
use harness_history::{HistoryError, Verdict, operations};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why a run could not be judged: the world and the checker do not understand each other.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The history has no model that the checker knows.
    #[error(transparent)]
    Model(#[from] UnknownModel),
    /// The history is not one.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The checker cannot read a value.
    #[error(transparent)]
    Value(#[from] ModelError),
    /// The history is linearizable, but another promise of the store was broken.
    #[error("seed {seed}: {promise}")]
    BrokenPromise {
        /// The run's seed.
        seed: u64,
        /// What happened.
        promise: String,
    },
}

/// How often the checker may look at its clock before it gives up. The clock counts those looks and
/// nothing else, so that a verdict does not depend on the machine.
const PATIENCE: u64 = 4000;
/// How much memory one key may take, in bytes.
const MEMORY: usize = 1 << 30;

/// Decides whether a run's history is linearizable.
///
/// # Errors
/// [`JudgeError`], also where it is, but another promise was broken.
pub fn judge(run: &SimRun) -> Result<Check, JudgeError> {
    let settings = Settings::new(run.header.model.parse()?, run.header.initial.clone());
    let looks = AtomicU64::new(0);
    let clock = || Duration::from_nanos(looks.fetch_add(1, Ordering::Relaxed));
    let budget = Budget { time: Duration::from_nanos(PATIENCE), memory: MEMORY, clock: &clock };
    let check = check(&operations(&run.events)?, &settings, &budget)?;
    match run.broken.first() {
        Some(promise) if !matches!(check.answer, Answer::Violation(_)) => {
            Err(JudgeError::BrokenPromise { seed: run.seed, promise: promise.clone() })
        }
        Some(_) | None => Ok(check),
    }
}

/// The verdict that the checker's answer comes to.
#[must_use]
pub const fn verdict(check: &Check) -> Verdict {
    match check.answer {
        Answer::Valid => Verdict::Valid,
        Answer::Violation(_) => Verdict::Invalid,
        Answer::Unknown(_) => Verdict::Unknown,
    }
}
