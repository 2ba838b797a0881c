//! Runs a scenario's seeds on several threads, and adds up what they came to.

use crate::progress::Heartbeat;
use harness_checker::Answer;
use harness_sim::{Counts, Coverage, Detail, JudgeError, SimScenario, judge, run};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Which seeds to run, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) time: Option<Duration>,
    pub(crate) jobs: usize,
}

/// What the seeds of a scenario came to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) seeds: u64,
    pub(crate) counts: Counts,
    pub(crate) coverage: Coverage,
    /// Seeds that the checker could not decide.
    pub(crate) undecided: Vec<u64>,
    /// The lowest seed that was seen to violate anything.
    pub(crate) violation: Option<u64>,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// Runs seeds in their order until they or the time end, or one shows a violation.
pub(crate) fn campaign(scenario: &SimScenario, plan: Plan) -> Result<Totals, JudgeError> {
    let began = Instant::now();
    let next = Arc::new(AtomicU64::new(plan.first));
    let heartbeat = Heartbeat::start({
        let next = Arc::clone(&next);
        move |elapsed| {
            let begun = next.load(Ordering::Relaxed).min(plan.last.saturating_add(1)) - plan.first;
            format!("{begun} seeds begun after {} s", elapsed.as_secs())
        }
    });
    let stop = AtomicBool::new(false);
    let totals = Mutex::new(Ok(Totals::default()));
    thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| {
                let mut mine = Ok(Totals::default());
                while !stop.load(Ordering::Relaxed)
                    && plan.time.is_none_or(|time| began.elapsed() < time)
                {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > plan.last {
                        break;
                    }
                    mine = mine.and_then(|totals| totals.with(scenario, seed));
                    if mine.as_ref().map_or(true, |totals| totals.violation.is_some()) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                let before = std::mem::replace(&mut *totals, Ok(Totals::default()));
                *totals = before.and_then(|before| mine.map(|mine| before.and(mine)));
            });
        }
    });
    drop(heartbeat);
    let mut totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    totals.undecided.sort_unstable();
    totals.seconds = began.elapsed().as_secs_f64();
    Ok(totals)
}

impl Totals {
    fn with(mut self, scenario: &SimScenario, seed: u64) -> Result<Self, JudgeError> {
        let run = run(seed, scenario, Detail::Verdict);
        self.seeds += 1;
        self.counts.add(&run.counts);
        self.coverage.add(&run.coverage);
        match judge(&run)?.answer {
            Answer::Valid => {}
            Answer::Violation(_) => self.violation = Some(seed),
            Answer::Unknown(_) => self.undecided.push(seed),
        }
        Ok(self)
    }

    fn and(mut self, other: Self) -> Self {
        self.seeds += other.seeds;
        self.counts.add(&other.counts);
        self.coverage.add(&other.coverage);
        self.undecided.extend(other.undecided);
        self.violation = self.violation.into_iter().chain(other.violation).min();
        self
    }
}
