//! Client threads: each makes one call at a time, and goes on as a new process after a doubt.

#[cfg(test)]
mod tests;

use crate::nemesis::News;
use crate::recorder::Recorder;
use harness_history::Outcome;
use rand::SeedableRng;
use rand_pcg::Pcg32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use workloads::{Answer, Call, Client, Generator, Scenario};

/// The generator and the stream that it draws from, shared by all threads.
struct Source {
    generator: Box<dyn Generator>,
    random: Pcg32,
    /// Whether the generator knows that the quiet part has begun.
    calm: bool,
}

/// Starts the client threads. They end, each after its present call, when `stop` turns true.
pub(crate) fn start<C: Client + Clone>(
    scenario: &Scenario,
    clients: &[C],
    recorder: &Arc<Recorder>,
    stop: &watch::Receiver<bool>,
    news: &watch::Receiver<News>,
    start: Instant,
) -> JoinSet<()> {
    let source = Arc::new(Mutex::new(Source {
        generator: scenario.generator(),
        random: Pcg32::seed_from_u64(scenario.seed),
        calm: false,
    }));
    let quiet = start + scenario.time.duration().saturating_sub(scenario.quiet.duration());
    let concurrency = u64::from(scenario.concurrency);
    let period = (scenario.rate > 0.0)
        .then(|| Duration::from_secs_f64(f64::from(scenario.concurrency) / scenario.rate));
    let mut threads = JoinSet::new();
    for (thread, client) in (0..concurrency).zip(clients.iter().cycle()) {
        threads.spawn(run(Thread {
            thread,
            concurrency,
            client: client.clone(),
            source: Arc::clone(&source),
            recorder: Arc::clone(recorder),
            stop: stop.clone(),
            news: news.clone(),
            quiet,
            period,
        }));
    }
    threads
}

struct Thread<C> {
    thread: u64,
    concurrency: u64,
    client: C,
    source: Arc<Mutex<Source>>,
    recorder: Arc<Recorder>,
    stop: watch::Receiver<bool>,
    news: watch::Receiver<News>,
    /// When the quiet part begins, if all faults are over by then.
    quiet: Instant,
    /// From one call to the next, when a rate is kept.
    period: Option<Duration>,
}

async fn run<C: Client>(mut at: Thread<C>) {
    let mut process = at.thread;
    let mut pace = at.period.map(|period| {
        // Threads take turns within the period, instead of all calling at once.
        let turn = period.mul_f64(at.thread as f64 / at.concurrency as f64);
        let mut pace = interval_at(Instant::now() + turn, period);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pace
    });
    loop {
        if let Some(pace) = &mut pace {
            tokio::select! {
                _ = pace.tick() => {}
                _ = at.stop.wait_for(|stop| *stop) => return,
            }
        }
        if *at.stop.borrow() {
            return;
        }
        let call = at.next();
        if !at.recorder.invoke(process, &call) {
            return;
        }
        let answer = at.client.call(&call).await;
        if !at.recorder.complete(process, &call, &answer) {
            return;
        }
        at.learn(&call, &answer);
        if answer.outcome == Outcome::Info {
            process += at.concurrency;
        }
    }
}

impl<C> Thread<C> {
    fn next(&self) -> Call {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let Source { generator, random, calm } = &mut *source;
        if !*calm && Instant::now() >= self.quiet && self.news.borrow().calm {
            *calm = true;
            generator.calm();
        }
        generator.next(self.thread, random)
    }

    fn learn(&self, call: &Call, answer: &Answer) {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.generator.learn(self.thread, call, answer);
    }
}
