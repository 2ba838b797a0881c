//! Shows that a fault bites and that it is gone, by looking from where the clients stand.

use crate::cluster::Links;
use crate::environment::Environment;
use crate::probe::{self, Line, Seen};
use harness_proxy::{Link as ProxyLink, Traffic};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use workloads::{FaultKind, OneWay, PlannedFault};

/// How long what was undone may take to be seen gone: a server must read its log again.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// Questions asked on a lossy link before it counts as losing nothing.
const LOSS_QUESTIONS: u32 = 500;

/// What the probes of one fault have seen so far.
pub(super) struct Evidence<'a> {
    planned: &'a PlannedFault,
    /// What is looked at, each with the connection that was open before the fault.
    watched: Vec<Watched>,
    healthy: bool,
    sentences: Vec<String>,
}

struct Watched {
    name: String,
    address: SocketAddr,
    link: Option<Arc<ProxyLink>>,
    line: Option<Line>,
}

/// What one look came to: whether it is as it must be, and a sentence.
type Look = (bool, String);

impl<'a> Evidence<'a> {
    /// Looks before the fault: everything that it will strike must be healthy.
    pub(super) async fn before(
        planned: &'a PlannedFault,
        links: &Links,
        environment: &mut Environment,
    ) -> Self {
        let mut watched: Vec<Watched> = Vec::new();
        let struck = planned.links.iter().filter_map(|&name| Some((name, links.get(name)?)));
        for (name, link) in struck {
            let (address, link) = (link.address(), Some(link));
            watched.push(Watched { name: name.to_string(), address, link, line: None });
        }
        for node in planned.nodes.iter().copied() {
            let address = environment.address(node);
            watched.push(Watched { name: format!("a{node}"), address, link: None, line: None });
        }
        let mut evidence = Self { planned, watched, healthy: true, sentences: Vec::new() };
        evidence.healthy = evidence.look("before", look_before).await;
        evidence
    }

    /// Looks while the fault should hold. True when everything that it strikes shows its effect,
    /// and was healthy before.
    pub(super) async fn during(&mut self, environment: &mut Environment) -> bool {
        let planned = self.planned.clone();
        let held = self.look("during", move |watched| look_during(planned.clone(), watched)).await;
        self.add_process(environment).await;
        held && self.healthy
    }

    /// Looks after the fault was undone. True when everything is healthy again.
    pub(super) async fn after(&mut self, environment: &mut Environment) -> bool {
        let planned = self.planned.clone();
        let gone = self.look("after", move |watched| look_after(planned.clone(), watched)).await;
        self.add_process(environment).await;
        gone
    }

    /// The sentences since the last time.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sentences)
    }

    async fn add_process(&mut self, environment: &mut Environment) {
        for node in &self.planned.nodes {
            self.sentences.extend(environment.process_evidence(*node).await);
        }
    }

    /// Looks at everything at once, and keeps the sentences in order.
    async fn look<F, L>(&mut self, when: &str, look: F) -> bool
    where
        F: Fn(Watched) -> L,
        L: Future<Output = (Watched, Look)> + Send + 'static,
    {
        let mut looks = JoinSet::new();
        for (number, watched) in self.watched.drain(..).enumerate() {
            let look = look(watched);
            looks.spawn(async move { (number, look.await) });
        }
        let mut seen = looks.join_all().await;
        seen.sort_by_key(|(number, _)| *number);
        let mut all = !seen.is_empty();
        for (_, (watched, (good, sentence))) in seen {
            all &= good;
            self.sentences.push(format!("{when}, {}: {sentence}", watched.name));
            self.watched.push(watched);
        }
        all
    }
}

async fn look_before(mut watched: Watched) -> (Watched, Look) {
    let (line, seen) = Line::open(watched.address, probe::PATIENCE).await;
    watched.line = line;
    (watched, (matches!(seen, Seen::Answered(_)), format!("a new connection {seen}")))
}

async fn look_during(planned: PlannedFault, mut watched: Watched) -> (Watched, Look) {
    let patience = probe::PATIENCE + planned.latency.unwrap_or_default().duration() * 2;
    if planned.fault == FaultKind::Loss {
        let look = look_for_loss(&watched).await;
        return (watched, look);
    }
    let traffic = watched.link.as_ref().map(|link| link.traffic());
    let ask_old = async {
        match &mut watched.line {
            Some(line) => line.ask(patience).await,
            None => Seen::Torn,
        }
    };
    let (old, (_, new)) = tokio::join!(ask_old, Line::open(watched.address, patience));
    let least = least_delay(&planned);
    let slow = |seen| matches!(seen, Seen::Answered(after) if after >= least);
    let effect = match planned.fault {
        FaultKind::Cut | FaultKind::Restart | FaultKind::Kill => {
            old == Seen::Torn && new == Seen::Refused
        }
        FaultKind::Blackhole | FaultKind::OneWay | FaultKind::Pause => {
            old == Seen::Silent && new == Seen::Silent
        }
        FaultKind::Latency => slow(old) && slow(new),
        // These are looked at elsewhere.
        _ => false,
    };
    let mut sentence = format!("the old connection {old}, a new one {new}");
    let mut one_way = true;
    if let (FaultKind::OneWay, Some(link), Some(traffic)) = (planned.fault, &watched.link, traffic)
    {
        let (right, words) = stalls_one_way(planned.direction, traffic, link.traffic());
        one_way = right;
        sentence = format!("{sentence}, {words}");
    }
    (watched, (effect && one_way, sentence))
}

/// A stalled direction carries nothing, and the other one still carries the probe's own question.
fn stalls_one_way(direction: Option<OneWay>, before: Traffic, after: Traffic) -> Look {
    let requests = after.requests.bytes - before.requests.bytes;
    let replies = after.replies.bytes - before.replies.bytes;
    let words = format!("{requests} bytes of requests and {replies} of replies came through");
    let right = match direction {
        Some(OneWay::Replies) => requests > 0 && replies == 0,
        Some(OneWay::Requests) | None => requests == 0,
    };
    (right, words)
}

/// What an answer takes at least while a latency fault holds.
fn least_delay(planned: &PlannedFault) -> Duration {
    let (latency, jitter) =
        (planned.latency.unwrap_or_default(), planned.jitter.unwrap_or_default());
    latency.duration().saturating_sub(jitter.duration())
}

/// Asks until a question or its answer is lost. The link must have counted the loss: a machine that
/// is merely slow does not make a fault.
async fn look_for_loss(watched: &Watched) -> Look {
    let lost = || watched.link.as_ref().map_or(0, |link| link.traffic().lost);
    let before = lost();
    let mut line = None;
    for asked in 1..=LOSS_QUESTIONS {
        let seen = ask_again(&mut line, watched.address).await;
        if seen == Seen::Torn && lost() > before {
            return (true, format!("question {asked} was lost, its connection torn"));
        }
        if !matches!(seen, Seen::Answered(_)) {
            line = None;
        }
    }
    (false, format!("none of {LOSS_QUESTIONS} questions was lost"))
}

async fn ask_again(line: &mut Option<Line>, address: SocketAddr) -> Seen {
    if let Some(line) = line {
        return line.ask(probe::PATIENCE).await;
    }
    let (opened, seen) = Line::open(address, probe::PATIENCE).await;
    *line = opened;
    seen
}

/// Looks until everything is as before, or for as long as that may take.
async fn look_after(planned: PlannedFault, mut watched: Watched) -> (Watched, Look) {
    let until = Instant::now() + GONE_WITHIN;
    watched.line = None;
    // An answer that could be as late under the fault does not show that it is gone.
    let limit = if planned.latency.is_some() { least_delay(&planned) } else { probe::PATIENCE };
    // Under the fault, so many questions and answers in a row would hardly ever go unharmed: one
    // time in twenty thousand.
    let enough = |&asked: &u32| planned.probability.is_none_or(|p| f64::from(asked) * p >= 5.0);
    let questions = (1..LOSS_QUESTIONS).find(enough).unwrap_or(LOSS_QUESTIONS);
    loop {
        let (mut good, mut seen) = (true, Seen::Silent);
        for _ in 0..questions {
            seen = ask_again(&mut watched.line, watched.address).await;
            good &= matches!(seen, Seen::Answered(after) if after < limit);
            if !good {
                break;
            }
        }
        if good || Instant::now() >= until {
            let times =
                if questions > 1 { format!(", {questions} times in a row") } else { String::new() };
            return (watched, (good, format!("a new connection {seen}{times}")));
        }
        watched.line = None;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
