//! Loops that each wait for one call before they make the next.

use crate::BenchError;
use crate::slice::{Outcome, Tally};
use crate::subject::Subject;
use crate::workload::{Call, Kind, Workload};
use gryadka::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What the calls of one case have in common. Cheap to clone.
pub(crate) struct Setting<S> {
    /// The proposers that the case uses.
    pub(crate) subjects: Arc<[Arc<S>]>,
    pub(crate) keys: Arc<[Vec<u8>]>,
    pub(crate) value: Bytes,
    pub(crate) deadline: Duration,
}

impl<S> Clone for Setting<S> {
    fn clone(&self) -> Self {
        let Self { subjects, keys, value, deadline } = self;
        Self {
            subjects: subjects.clone(),
            keys: keys.clone(),
            value: value.clone(),
            deadline: *deadline,
        }
    }
}

impl<S: Subject> Setting<S> {
    /// Makes one call on the proposer of this caller.
    pub(crate) async fn make(&self, caller: usize, call: Call) -> Outcome {
        let subject = &self.subjects[caller % self.subjects.len()];
        let key = &self.keys[call.key];
        let deadline = tokio::time::Instant::now() + self.deadline;
        match call.kind {
            Kind::Change => subject.change(key, &self.value, deadline).await,
            Kind::Read => subject.read(key, deadline).await,
            Kind::Delete => subject.delete(key, deadline).await,
        }
    }

    /// Writes every key once, some at a time, before anything is measured.
    pub(crate) async fn populate(&self) -> Result<(), BenchError> {
        const AT_ONCE: usize = 64;
        let mut writers = JoinSet::new();
        for first in 0..AT_ONCE.min(self.keys.len()) {
            let setting = self.clone();
            writers.spawn(async move {
                for key in (first..setting.keys.len()).step_by(AT_ONCE) {
                    match setting.make(0, Call { kind: Kind::Change, key }).await {
                        Outcome::Ok => {}
                        failed @ (Outcome::NotApplied | Outcome::Unknown) => return Err(failed),
                    }
                }
                Ok(())
            });
        }
        while let Some(writer) = writers.join_next().await {
            writer?.map_err(BenchError::Populate)?;
        }
        Ok(())
    }
}

/// Runs the workload's loops for `span`. A call that is under way at its end is waited for.
pub(crate) async fn run<S: Subject>(
    setting: &Setting<S>,
    workload: &Workload,
    round: u64,
    span: Duration,
) -> Result<Vec<Tally>, BenchError> {
    let end = Instant::now() + span;
    let mut loops = JoinSet::new();
    for index in 0..workload.loops {
        let (setting, workload) = (setting.clone(), workload.clone());
        loops.spawn(async move {
            let mut calls = workload.calls(index, round);
            let mut tally = Tally::default();
            let mut begin = Instant::now();
            while begin < end {
                let outcome = setting.make(index, calls.next_call()).await;
                let now = Instant::now();
                tally.count(outcome, now - begin, now < end);
                begin = now;
            }
            tally
        });
    }
    let mut tallies = Vec::with_capacity(workload.loops);
    while let Some(tally) = loops.join_next().await {
        tallies.push(tally?);
    }
    Ok(tallies)
}
