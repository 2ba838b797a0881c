//! Calls that begin on time, whether or not those before have ended (open loop).
//!
//! A call's time is counted from when it should have begun, so that a store which stalls cannot
//! hide the calls that it kept from beginning ("coordinated omission"). How late the system's own sleep
//! wakes up, some 50 µs, is in the figures as well.

use crate::BenchError;
use crate::closed_loop::Setting;
use crate::slice::{Outcome, Tally};
use crate::subject::Subject;
use crate::workload::Workload;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// One call: how it ended, how long after its time, and whether within the turn.
type Ended = (Outcome, Duration, bool);

/// Begins `rate` calls a second for `span`, and waits for all of them.
pub(crate) async fn run<S: Subject>(
    setting: &Setting<S>,
    workload: &Workload,
    rate: f64,
    round: u64,
    span: Duration,
) -> Result<Vec<Tally>, BenchError> {
    let (setting, workload) = (setting.clone(), workload.clone());
    let runtime = Handle::current();
    // A thread of its own sleeps to the microsecond; the runtime's timer ticks by the millisecond.
    let clock = tokio::task::spawn_blocking(move || {
        dispatch(&runtime, &setting, &workload, rate, round, span)
    });
    let mut tally = Tally::default();
    for call in clock.await? {
        let (outcome, took, in_time) = call.await?;
        tally.count(outcome, took, in_time);
    }
    Ok(vec![tally])
}

fn dispatch<S: Subject>(
    runtime: &Handle,
    setting: &Setting<S>,
    workload: &Workload,
    rate: f64,
    round: u64,
    span: Duration,
) -> Vec<JoinHandle<Ended>> {
    let mut arrivals = workload.arrivals(round);
    let begin = Instant::now();
    let end = begin + span;
    let mut calls = Vec::new();
    for (caller, due) in schedule(rate, span).enumerate() {
        let due = begin + due;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let (setting, call) = (setting.clone(), arrivals.next_call());
        calls.push(runtime.spawn(async move {
            let outcome = setting.make(caller, call).await;
            let now = Instant::now();
            (outcome, now.saturating_duration_since(due), now < end)
        }));
    }
    calls
}

/// When calls are due, from the beginning of the turn.
fn schedule(rate: f64, span: Duration) -> impl Iterator<Item = Duration> {
    (0_u32..)
        .map(move |number| {
            Duration::try_from_secs_f64(f64::from(number) / rate).unwrap_or(Duration::MAX)
        })
        .take_while(move |due| *due < span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed_loop::fake;

    #[test]
    fn calls_are_due_evenly_and_as_many_as_the_rate_says() {
        let due: Vec<_> = schedule(4.0, Duration::from_secs(1)).collect();
        assert_eq!(due, [0, 250, 500, 750].map(Duration::from_millis));
        assert_eq!(schedule(1_000.0, Duration::from_secs(2)).count(), 2_000);
    }

    #[tokio::test]
    async fn a_stalling_store_is_charged_for_the_calls_that_it_held_up() {
        let setting = fake::setting(1, 4);
        let workload = Workload { rate: Some(1_000.0), ..Workload::changes("", 64, 4) };
        // The runtime is blocked while calls come due: none of them can be quick.
        let stall = Duration::from_millis(40);
        tokio::spawn(async move { std::thread::sleep(stall) });
        let tallies = run(&setting, &workload, 1_000.0, 0, stall / 2).await.unwrap();
        let [tally] = tallies.as_slice() else { panic!("{tallies:?}") };
        assert_eq!(tally.nanos.len(), 20);
        assert_eq!(setting.subjects[0].calls(), 20);
        assert_eq!(tally.in_time, 0, "all ended after the turn");
    }
}
