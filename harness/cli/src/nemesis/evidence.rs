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
use workloads::{FaultKind, Link, OneWay, PlannedFault};

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
        for (name, link) in planned.links.iter().filter_map(|link: &Link| links.get_key_value(link))
        {
            let (address, link) = (link.address(), Some(Arc::clone(link)));
            watched.push(Watched { name: name.to_string(), address, link, line: None });
        }
        if let Some(node) = planned.node {
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
        self.add_process(environment);
        held && self.healthy
    }

    /// Looks after the fault was undone. True when everything is healthy again.
    pub(super) async fn after(&mut self, environment: &mut Environment) -> bool {
        let planned = self.planned.clone();
        let gone = self.look("after", move |watched| look_after(planned.clone(), watched)).await;
        self.add_process(environment);
        gone
    }

    /// The sentences since the last time.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sentences)
    }

    fn add_process(&mut self, environment: &mut Environment) {
        let seen = self.planned.node.and_then(|node| environment.process_evidence(node));
        self.sentences.extend(seen);
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
    let old = match &mut watched.line {
        Some(line) => line.ask(patience).await,
        None => Seen::Torn,
    };
    let (_line, new) = Line::open(watched.address, patience).await;
    let least = planned
        .latency
        .unwrap_or_default()
        .duration()
        .saturating_sub(planned.jitter.unwrap_or_default().duration());
    let slow = |seen| matches!(seen, Seen::Answered(after) if after >= least);
    let effect = match planned.fault {
        FaultKind::Cut | FaultKind::Restart | FaultKind::Kill => {
            old == Seen::Torn && new == Seen::Refused
        }
        FaultKind::Blackhole | FaultKind::OneWay | FaultKind::Pause => {
            old == Seen::Silent && new == Seen::Silent
        }
        FaultKind::Latency => slow(old) && slow(new),
        FaultKind::Loss => false,
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

async fn look_for_loss(watched: &Watched) -> Look {
    let mut line = None;
    for asked in 1..=LOSS_QUESTIONS {
        let seen = match &mut line {
            None => {
                let (opened, seen) = Line::open(watched.address, probe::PATIENCE).await;
                line = opened;
                seen
            }
            Some(line) => line.ask(probe::PATIENCE).await,
        };
        if !matches!(seen, Seen::Answered(_)) {
            return (true, format!("question {asked} was lost: {seen}"));
        }
    }
    (false, format!("none of {LOSS_QUESTIONS} questions was lost"))
}

async fn look_after(planned: PlannedFault, mut watched: Watched) -> (Watched, Look) {
    let until = Instant::now() + GONE_WITHIN;
    // An answer that is as late as it was under the fault does not show that it is gone.
    let limit = planned.latency.map_or(probe::PATIENCE, workloads::Span::duration);
    loop {
        let (line, seen) = Line::open(watched.address, probe::PATIENCE).await;
        watched.line = line;
        let good = matches!(seen, Seen::Answered(after) if after < limit);
        if good || Instant::now() >= until {
            return (watched, (good, format!("a new connection {seen}")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
