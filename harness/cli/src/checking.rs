//! Runs the checker on as many keys at a time as there are cores, within a budget.

use crate::args::LimitArgs;
use crate::parallel::in_order;
use crate::progress::Heartbeat;
use harness_checker::{Budget, Check, KeyVerdict, ModelError, Settings, check_key, split};
use harness_history::Operation;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a check may spend, and whether somebody has ended it.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    time: Duration,
    /// Bytes, for all keys that are checked at the same time.
    memory: usize,
    /// Once this is true no time is left.
    pub(crate) ended: Arc<AtomicBool>,
}

impl From<&LimitArgs> for Limits {
    fn from(args: &LimitArgs) -> Self {
        let memory = args.check_memory.saturating_mul(1 << 20);
        Self { time: args.check_time.duration(), memory, ended: Arc::default() }
    }
}

/// Decides a history, and says how many seconds that took.
pub(crate) fn check(
    operations: &[Operation],
    settings: &Settings,
    limits: &Limits,
) -> Result<(Check, f64), ModelError> {
    let began = Instant::now();
    let histories = split(operations, settings)?;
    let workers =
        thread::available_parallelism().map_or(1, NonZero::get).min(histories.len().max(1));
    let clock = || {
        if limits.ended.load(Ordering::Relaxed) { Duration::MAX } else { began.elapsed() }
    };
    let budget = Budget { time: limits.time, memory: limits.memory / workers, clock: &clock };
    let done = Arc::new(AtomicUsize::new(0));
    let heartbeat = Heartbeat::start({
        let (done, keys, operations) = (Arc::clone(&done), histories.len(), operations.len());
        move |elapsed| {
            let done = done.load(Ordering::Relaxed);
            let seconds = elapsed.as_secs();
            format!("checking {operations} operations: {done} of {keys} keys after {seconds} s")
        }
    });
    let verdicts = in_order(workers, &histories, |history| {
        let verdict = check_key(history, &budget);
        done.fetch_add(1, Ordering::Relaxed);
        Ok::<KeyVerdict, ModelError>(verdict)
    })?;
    drop(heartbeat);
    let add = |check: Check, (history, verdict)| check.with(history, verdict);
    let check = histories.iter().zip(verdicts).fold(Check::nothing(), add);
    Ok((check, began.elapsed().as_secs_f64()))
}
