//! What the user sees while a run goes on: a bar on a terminal, plain lines elsewhere.

use crate::nemesis::News;
use crate::recorder::{Counts, Recorder};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reports::printable_lines;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often a bar is drawn anew.
const BAR_EVERY: Duration = Duration::from_millis(200);

/// Says something to the user, on stderr: stdout is for data.
pub(crate) fn say(text: impl AsRef<str>) {
    // With stderr gone there is nobody to tell.
    drop(writeln!(io::stderr(), "{}", printable_lines(text.as_ref())));
}

/// Says how something goes that may take long, from time to time, until this is dropped.
pub(crate) struct Heartbeat(Option<(mpsc::Sender<()>, thread::JoinHandle<()>)>);

impl Heartbeat {
    /// `text` says it, after so long.
    pub(crate) fn start(text: impl Fn(Duration) -> String + Send + 'static) -> Self {
        let (ends, ended) = mpsc::channel::<()>();
        let began = std::time::Instant::now();
        let beating = move || {
            while ended.recv_timeout(LINE_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                say(text(began.elapsed()));
            }
        };
        Self(Some((ends, thread::spawn(beating))))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if let Some((ends, thread)) = self.0.take() {
            drop(ends);
            // It has nothing to say of its own end.
            drop(thread.join());
        }
    }
}

/// Shows how the run goes, until it is dropped by its caller.
pub(crate) async fn show(
    recorder: Arc<Recorder>,
    mut fault: watch::Receiver<News>,
    start: Instant,
    time: Duration,
) {
    if io::stderr().is_terminal() {
        bar(&recorder, &mut fault, start, time).await;
    } else {
        lines(&recorder, &mut fault, start, time).await;
    }
}

async fn bar(
    recorder: &Recorder,
    fault: &mut watch::Receiver<News>,
    start: Instant,
    time: Duration,
) {
    let total = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan/dim} {msg}") {
        bar.set_style(style);
    }
    let clear = ClearOnDrop(bar);
    let mut tick = interval(BAR_EVERY);
    loop {
        tick.tick().await;
        let elapsed = start.elapsed();
        clear.0.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(total).min(total));
        let fault = fault.borrow_and_update().fault.clone();
        clear.0.set_message(line(recorder.counts(), elapsed, time, &fault));
    }
}

/// The bar goes when the run is over, and leaves the screen to the summary.
struct ClearOnDrop(ProgressBar);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

async fn lines(
    recorder: &Recorder,
    fault: &mut watch::Receiver<News>,
    start: Instant,
    time: Duration,
) {
    let mut tick = interval(LINE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tick.tick().await;
    loop {
        let now = tokio::select! {
            _ = tick.tick() => String::new(),
            changed = fault.changed() => {
                if changed.is_err() {
                    // The nemesis has ended; from here on only the clock speaks.
                    tick.tick().await;
                }
                fault.borrow_and_update().fault.clone()
            }
        };
        say(line(recorder.counts(), start.elapsed(), time, &now));
    }
}

fn line(counts: Counts, elapsed: Duration, time: Duration, fault: &str) -> String {
    let Counts { ok, fail, info } = counts;
    let (elapsed, time) = (elapsed.as_secs_f64(), time.as_secs_f64());
    let fault = if fault.is_empty() { String::new() } else { format!(" · {fault}") };
    format!("{elapsed:5.1} / {time:.0} s · {ok} ok, {fail} fail, {info} info{fault}")
}
