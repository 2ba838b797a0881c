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
                    // The proposer that will change the key where there is a loop for each.
                    match setting.make(key, Call { kind: Kind::Change, key }).await {
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

#[cfg(test)]
pub(crate) mod fake {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A store of no acceptors, which refuses every fourth call.
    #[derive(Default)]
    pub(crate) struct Fake(AtomicU64);

    impl Fake {
        pub(crate) fn calls(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        async fn call(&self) -> Outcome {
            tokio::task::yield_now().await;
            let before = self.0.fetch_add(1, Ordering::Relaxed);
            if before % 4 == 3 { Outcome::NotApplied } else { Outcome::Ok }
        }
    }

    impl Subject for Fake {
        async fn change(&self, _: &[u8], _: &Bytes, _: tokio::time::Instant) -> Outcome {
            self.call().await
        }

        async fn read(&self, _: &[u8], _: tokio::time::Instant) -> Outcome {
            self.call().await
        }

        async fn delete(&self, _: &[u8], _: tokio::time::Instant) -> Outcome {
            self.call().await
        }

        fn conflicts(&self) -> Option<u64> {
            None
        }
    }

    pub(crate) fn setting(proposers: usize, keys: usize) -> Setting<Fake> {
        Setting {
            subjects: (0..proposers).map(|_| Arc::default()).collect(),
            keys: (0..keys).map(|key| key.to_string().into_bytes()).collect(),
            value: Bytes::from_static(b"v"),
            deadline: Duration::from_secs(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn loops_share_the_proposers_and_count_every_call() {
        let setting = fake::setting(2, 4);
        let workload = Workload { proposers: 2, ..Workload::changes("", 4, 4) };
        let tallies = run(&setting, &workload, 0, Duration::from_millis(5)).await.unwrap();
        let [first, second] = [0, 1].map(|index| setting.subjects[index].calls());
        assert!(first > 0 && second > 0, "{first} and {second} calls");
        let ok: u64 = tallies.iter().map(|tally| tally.outcomes.ok).sum();
        let refused: u64 = tallies.iter().map(|tally| tally.outcomes.not_applied).sum();
        assert_eq!((tallies.len(), ok + refused), (4, first + second));
        assert_eq!(refused, first / 4 + second / 4);
    }

    #[tokio::test]
    async fn every_key_is_written_before_the_measurement_or_it_does_not_begin() {
        let setting = fake::setting(1, 3);
        setting.populate().await.unwrap();
        assert_eq!(setting.subjects[0].calls(), 3);
        let refused = setting.populate().await.unwrap_err();
        assert!(matches!(refused, BenchError::Populate(Outcome::NotApplied)), "{refused}");
    }
}
