//! What a fault of links looks like to whoever uses them.

use super::{Look, ask_old, ends_all};
use crate::links::{Crossed, Wired};
use crate::probe::{self, Line, PING_BYTES, PONG_BYTES, Seen};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::sleep;
use workloads::{FaultKind, OneWay, PlannedFault};

/// Questions asked on a link that loses some before it counts as losing nothing.
const QUESTIONS: u32 = 500;
/// New connections that are tried where any may lose its first question.
const QUESTIONS_ANEW: u32 = 5;
/// How long a burst is to take at least under a fault that makes it slow.
const SLOW: Duration = Duration::from_millis(300);
/// A stalled direction in which nothing has arrived for this long carries nothing any more; it is looked
/// at so often at most.
const ARRIVED_WITHIN: Duration = Duration::from_millis(30);
const ARRIVALS: u32 = 20;
/// How long an answer may be in coming before another question is asked after it.
const OVERDUE: Duration = Duration::from_millis(150);

/// Looks at a link while a fault should hold. `line` is the connection from before it.
pub(super) async fn during(planned: &PlannedFault, wired: &Wired, line: &mut Option<Line>) -> Look {
    match planned.fault {
        FaultKind::Loss => loses(wired).await,
        FaultKind::Drop => drops(wired, planned.usable.unwrap_or_default()).await,
        FaultKind::Reset => resets(planned, wired.address(), line).await,
        FaultKind::Bandwidth | FaultKind::Slicing => is_slow(planned, wired.address(), line).await,
        FaultKind::Limit => is_limited(planned, wired.address(), line).await,
        FaultKind::OneWay => stalls_one_way(planned, wired, line).await,
        FaultKind::Cut
        | FaultKind::Blackhole
        | FaultKind::Latency
        | FaultKind::Restart
        | FaultKind::Kill
        | FaultKind::Pause
        | FaultKind::Wipe
        | FaultKind::TailLost
        | FaultKind::Disconnect
        | FaultKind::Stall
        | FaultKind::MemoryFull
        | FaultKind::DiskFull
        | FaultKind::ProposerRestart
        | FaultKind::ProposerKill
        | FaultKind::ProposerPause
        | FaultKind::Membership => answers_otherwise(planned, wired, line).await,
    }
}

/// Asks once on the old connection and once on a new one.
async fn ask_both(
    planned: &PlannedFault,
    address: SocketAddr,
    line: &mut Option<Line>,
) -> (Seen, Seen) {
    let patience = probe::PATIENCE + planned.latency.unwrap_or_default().duration() * 2;
    let (old, (_, new)) = tokio::join!(ask_old(line, patience), Line::open(address, patience));
    (old, new)
}

async fn answers_otherwise(planned: &PlannedFault, wired: &Wired, line: &mut Option<Line>) -> Look {
    let (old, new) = ask_both(planned, wired.address(), line).await;
    // Ports of containers are published by a program that accepts first, and then finds nobody to
    // pass the connection on to.
    let published = wired.acceptor().is_none();
    let least = least_delay(planned);
    let late = |seen| matches!(seen, Seen::Answered(after) if after >= least);
    let effect = if planned.fault == FaultKind::Cut {
        old == Seen::Torn && (new == Seen::Refused || (published && new == Seen::Torn))
    } else if planned.fault == FaultKind::Latency {
        late(old) && late(new)
    } else {
        old == Seen::Silent && new == Seen::Silent
    };
    (effect, format!("the old connection {old}, a new one {new}"))
}

/// A stalled direction carries nothing, and the other one still carries the probe's own question.
async fn stalls_one_way(planned: &PlannedFault, wired: &Wired, line: &mut Option<Line>) -> Look {
    let replies = planned.direction == Some(OneWay::Replies);
    let before = arrived(wired, replies).await;
    let (old, new) = ask_both(planned, wired.address(), line).await;
    let silent = old == Seen::Silent && new == Seen::Silent;
    let sentence = format!("the old connection {old}, a new one {new}");
    let since = |before: Crossed, after: Crossed| {
        // Counters that went back are those of a proxy that was started anew: they tell nothing.
        let requests = after.requests.checked_sub(before.requests)?;
        Some((requests, after.replies.checked_sub(before.replies)?))
    };
    if let (Some(before), Some(after)) = (before, wired.crossed().await) {
        let Some((requests, answers)) = since(before, after) else {
            return (false, format!("{sentence}, the proxy counts anew"));
        };
        let right = if replies { requests > 0 && answers == 0 } else { requests == 0 };
        let words = format!("{requests} bytes of requests and {answers} of replies came through");
        return (silent && right, format!("{sentence}, {words}"));
    }
    // Where nobody counts, the server itself knows what it has heard.
    let name = format!("harness-{}", wired.address().port());
    let heard = match wired.acceptor() {
        Some(server) => probe::has_heard(wired.address(), server, &name).await,
        None => None,
    };
    let words = match heard {
        Some(true) => "the server has heard a request",
        Some(false) => "the server has not heard a request",
        None => "which way cannot be told from here",
    };
    (silent && heard.is_none_or(|heard| heard == replies), format!("{sentence}, {words}"))
}

/// What has crossed a link once what was on its way in the stalled direction has arrived: bytes that
/// passed the stall before it began are counted when they are written.
async fn arrived(wired: &Wired, replies: bool) -> Option<Crossed> {
    let stalled = |crossed: Crossed| if replies { crossed.replies } else { crossed.requests };
    let mut before = wired.crossed().await?;
    for _ in 0..ARRIVALS {
        sleep(ARRIVED_WITHIN).await;
        let now = wired.crossed().await?;
        if stalled(now) == stalled(before) {
            return Some(now);
        }
        before = now;
    }
    Some(before)
}

/// What an answer takes at least while a latency fault holds.
fn least_delay(planned: &PlannedFault) -> Duration {
    let (latency, jitter) =
        (planned.latency.unwrap_or_default(), planned.jitter.unwrap_or_default());
    latency.duration().saturating_sub(jitter.duration())
}

/// Asks until a question or its answer is lost. A link that counts must have counted the loss: a
/// machine that is merely slow does not make a fault.
async fn loses(wired: &Wired) -> Look {
    let before = wired.crossed().await.and_then(|crossed| crossed.lost);
    let mut line = None;
    for asked in 1..=QUESTIONS {
        let seen = ask_again(&mut line, wired.address()).await;
        let lost = wired.crossed().await.and_then(|crossed| crossed.lost);
        if seen == Seen::Torn && (before.is_none() || lost > before) {
            return (true, format!("question {asked} was lost, its connection torn"));
        }
        if !seen.is_answer() {
            line = None;
        }
    }
    (false, format!("none of {QUESTIONS} questions was lost"))
}

/// Asks until a question stays unanswered. The next one on the same connection is answered if
/// connections stay usable; otherwise it is not, but one on a new connection is.
async fn drops(wired: &Wired, usable: bool) -> Look {
    let before = wired.crossed().await.and_then(|crossed| crossed.dropped);
    let mut line = None;
    for asked in 1..=QUESTIONS {
        let seen = ask_again(&mut line, wired.address()).await;
        if seen.is_answer() {
            continue;
        }
        let skipped = match &mut line {
            Some(line) if seen == Seen::Silent => skips(line, wired.address(), usable).await,
            Some(_) | None => false,
        };
        let dropped = wired.crossed().await.and_then(|crossed| crossed.dropped);
        if skipped && (before.is_none() || dropped > before) {
            let next = if usable {
                "the next one on its connection was answered"
            } else {
                "and the next one too; one on a new connection was answered"
            };
            return (true, format!("question {asked} stayed unanswered, {next}"));
        }
        line = None;
    }
    (false, format!("none of {QUESTIONS} questions stayed unanswered"))
}

/// Whether a question is left out on this connection, and not merely late.
async fn skips(line: &mut Line, address: SocketAddr, usable: bool) -> bool {
    let next = line.ask(probe::PATIENCE).await;
    if usable {
        // One answer to two questions; a second one would have been only late.
        return next.is_answer() && line.late_answer(OVERDUE).await == Seen::Silent;
    }
    if next != Seen::Silent {
        return false;
    }
    for _ in 0..QUESTIONS_ANEW {
        if Line::open(address, probe::PATIENCE).await.1.is_answer() {
            return true;
        }
    }
    false
}

async fn ask_again(line: &mut Option<Line>, address: SocketAddr) -> Seen {
    if let Some(line) = line {
        return line.ask(probe::PATIENCE).await;
    }
    match Line::connect(address, probe::PATIENCE).await {
        Err(seen) => seen,
        Ok(connected) => line.insert(connected).ask(probe::PATIENCE).await,
    }
}

/// Every connection ends after a short life.
async fn resets(planned: &PlannedFault, address: SocketAddr, line: &mut Option<Line>) -> Look {
    let patience = probe::PATIENCE + planned.life.unwrap_or_default().duration() * 2;
    ends_all(address, line, patience).await
}

/// How many questions make a burst that takes a while, and how long it takes at least.
fn burst(planned: &PlannedFault) -> (usize, Duration) {
    let size = |number: Option<u32>| usize::try_from(number.unwrap_or(1)).unwrap_or(1).max(1);
    if planned.fault == FaultKind::Slicing {
        // A piece may be half as large again as their middle; and what comes in a chunk of its own
        // is not torn from the chunk before by a pause, so half of them are enough.
        let pause = planned.pause.unwrap_or_default().duration().max(Duration::from_millis(1));
        let pieces = usize::try_from(SLOW.as_millis() / pause.as_millis()).unwrap_or(1).max(4);
        let largest = size(planned.size) + size(planned.size) / 2;
        let least = pause * u32::try_from(pieces / 2).unwrap_or(1);
        return ((pieces * largest).div_ceil(PING_BYTES), least);
    }
    // Kilobytes a second are bytes a millisecond.
    let bytes = size(planned.rate) * usize::try_from(SLOW.as_millis()).unwrap_or(1);
    (bytes.div_ceil(PING_BYTES), SLOW.mul_f64(0.8))
}

/// Bursts on the old connection and on a new one take their time.
async fn is_slow(planned: &PlannedFault, address: SocketAddr, line: &mut Option<Line>) -> Look {
    let (questions, least) = burst(planned);
    let patience = least * 10 + Duration::from_secs(2);
    let (old, new) = burst_both(address, line, questions, patience).await;
    let slow = |burst: &probe::Burst| burst.whole && burst.after >= least;
    let effect = old.as_ref().is_some_and(slow) && new.as_ref().is_some_and(slow);
    let bytes = questions * PING_BYTES;
    let (old, new, least) = (words(old), words(new), least.as_millis());
    let sentence = format!(
        "{bytes} bytes of questions take at least {least} ms: on the old connection {old}, on a new one {new}"
    );
    (effect, sentence)
}

/// Makes a burst on the old connection and one on a new one.
async fn burst_both(
    address: SocketAddr,
    line: &mut Option<Line>,
    questions: usize,
    patience: Duration,
) -> (Option<probe::Burst>, Option<probe::Burst>) {
    let old = async {
        match line {
            Some(line) => Some(line.burst(questions, patience).await),
            None => None,
        }
    };
    tokio::join!(old, burst_anew(address, questions, patience))
}

fn words(burst: Option<probe::Burst>) -> String {
    burst.map_or_else(|| String::from("could not be made"), |burst| burst.to_string())
}

async fn burst_anew(
    address: SocketAddr,
    questions: usize,
    patience: Duration,
) -> Option<probe::Burst> {
    let mut line = Line::connect(address, patience).await.ok()?;
    Some(line.burst(questions, patience).await)
}

/// A burst whose answers are more bytes than may pass.
const fn beyond(limit: usize) -> usize {
    limit.div_ceil(PONG_BYTES) + 100
}

fn limit(planned: &PlannedFault) -> usize {
    usize::try_from(planned.bytes.unwrap_or_default()).unwrap_or(usize::MAX)
}

/// Connections end after so many bytes of answers, the old one and a new one.
async fn is_limited(planned: &PlannedFault, address: SocketAddr, line: &mut Option<Line>) -> Look {
    let (limit, patience) = (limit(planned), Duration::from_secs(3));
    let (old, new) = burst_both(address, line, beyond(limit), patience).await;
    let ended = |burst: &probe::Burst| burst.torn && burst.bytes <= limit;
    let effect = old.as_ref().is_some_and(ended) && new.as_ref().is_some_and(ended);
    (effect, format!("the old connection {}, a new one {}", words(old), words(new)))
}

/// Looks at a link once after a fault: it must answer as no link under the fault would.
pub(super) async fn after(planned: &PlannedFault, address: SocketAddr) -> Look {
    if matches!(planned.fault, FaultKind::Bandwidth | FaultKind::Slicing) {
        let (questions, least) = burst(planned);
        return quick(address, questions, least).await;
    }
    if planned.fault == FaultKind::Limit {
        return quick(address, beyond(limit(planned)), Duration::from_secs(5)).await;
    }
    answers_in_time(planned, address).await
}

/// A burst is answered whole, and sooner than that.
async fn quick(address: SocketAddr, questions: usize, least: Duration) -> Look {
    let burst = burst_anew(address, questions, least + Duration::from_secs(1)).await;
    let good = burst.is_some_and(|burst| burst.whole && burst.after < least);
    let (bytes, words) = (questions * PING_BYTES, words(burst));
    (good, format!("a burst of {bytes} bytes on a new connection {words}"))
}

async fn answers_in_time(planned: &PlannedFault, address: SocketAddr) -> Look {
    // An answer that could be as late under the fault does not show that it is gone.
    let limit = if planned.latency.is_some() { least_delay(planned) } else { probe::PATIENCE };
    // Under the fault, so many questions and answers in a row would hardly ever go unharmed: one
    // time in twenty thousand.
    let enough = |&asked: &u32| planned.probability.is_none_or(|p| f64::from(asked) * p >= 5.0);
    let questions = (1..QUESTIONS).find(enough).unwrap_or(QUESTIONS);
    let (mut line, mut good, mut seen) = (None, true, Seen::Silent);
    for _ in 0..questions {
        seen = ask_again(&mut line, address).await;
        good &= matches!(seen, Seen::Answered(after) if after < limit);
        if !good {
            break;
        }
    }
    let times = if questions > 1 { format!(", {questions} times in a row") } else { String::new() };
    (good, format!("a new connection {seen}{times}"))
}
