//! Shows that a fault bites and that it is gone, by looking from where the clients stand.
//!
//! | question | file |
//! |---|---|
//! | what is looked at, and when? | here |
//! | what does a fault of links look like? | `evidence/of_links.rs` |
//! | what does a fault of a server look like? | `evidence/of_servers.rs` |

mod of_links;
mod of_servers;

use super::scene::Scene;
use crate::links::Wired;
use crate::probe::{self, Line, Seen};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use workloads::{Befalls, FaultKind, PlannedFault};

/// How long what was undone may take to be seen gone: a server must read its log again.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// The wait before another look at what is not gone yet.
const AGAIN: Duration = Duration::from_millis(50);

/// What the probes of one fault have seen so far.
pub(super) struct Evidence {
    planned: PlannedFault,
    /// What is looked at, each with the connection that was open before the fault.
    watched: Vec<Watched>,
    healthy: bool,
    sentences: Vec<String>,
}

struct Watched {
    name: String,
    subject: Subject,
    line: Option<Line>,
}

enum Subject {
    Link(Arc<Wired>),
    /// The server of an acceptor, at its own address.
    Acceptor(SocketAddr),
    /// A proposer that is a service, at this url.
    Proposer(String),
}

/// What one look came to: whether it is as it must be, and a sentence.
type Look = (bool, String);

#[derive(Clone, Copy)]
enum When {
    Before,
    During,
    After,
}

impl Evidence {
    /// Looks before the fault: everything that it will strike must be healthy. `found` says how it is
    /// known whom it strikes.
    pub(super) async fn before(planned: &PlannedFault, scene: &Scene, found: Vec<String>) -> Self {
        let watched = watched(planned, scene).await;
        let mut evidence =
            Self { planned: planned.clone(), watched, healthy: true, sentences: found };
        evidence.healthy = evidence.look("before", When::Before).await;
        evidence
    }

    /// Looks while the fault should hold. True when everything that it strikes shows its effect,
    /// and was healthy before.
    pub(super) async fn during(&mut self, scene: &Scene) -> bool {
        let held = self.look("during", When::During).await;
        let own = self.shows_its_own_effect(scene).await;
        self.add_processes(scene).await;
        held && own && self.healthy
    }

    /// Looks again, just before the fault is undone. True when everything still shows its effect; what does
    /// not show it is looked at once more, because one hiccup of the machine ends no fault.
    pub(super) async fn still(&mut self, scene: &Scene) -> bool {
        let held = self.look("at its end", When::During).await
            || self.look("at its end, once more", When::During).await;
        self.add_processes(scene).await;
        held
    }

    /// A server that is merely dead shows neither a lost log nor a full disk: the fault's own effect must be
    /// seen as well.
    async fn shows_its_own_effect(&mut self, scene: &Scene) -> bool {
        let mut environment = scene.environment.lock().await;
        let mut shows = true;
        for node in &self.planned.nodes {
            let (own, sentence) = if self.planned.fault == FaultKind::TailLost {
                match environment.tail_lost(*node) {
                    None | Some(0) => (false, String::from("nothing of its log was lost")),
                    Some(bytes) => (true, format!("{bytes} bytes of its log were lost")),
                }
            } else if self.planned.fault == FaultKind::DiskFull {
                let address = environment.address(*node);
                of_servers::is_of_disk(|| environment.ended(*node), address).await
            } else {
                continue;
            };
            shows &= own;
            self.sentences.push(format!("during, a{node}: {sentence}"));
        }
        shows
    }

    /// Looks after the fault was undone. True when everything is healthy again.
    pub(super) async fn after(&mut self, scene: &Scene) -> bool {
        let gone = self.look("after", When::After).await;
        self.add_processes(scene).await;
        gone
    }

    /// The sentences since the last time.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sentences)
    }

    async fn add_processes(&mut self, scene: &Scene) {
        if self.planned.nodes.is_empty() && self.planned.proposers.is_empty() {
            return;
        }
        let mut environment = scene.environment.lock().await;
        for node in &self.planned.nodes {
            self.sentences.extend(environment.process_evidence(*node).await);
        }
        for proposer in &self.planned.proposers {
            self.sentences.extend(environment.proposer_evidence(*proposer).await);
        }
    }

    /// Looks at everything at once, and keeps the sentences in order.
    async fn look(&mut self, name: &str, when: When) -> bool {
        let mut looks = JoinSet::new();
        for (number, mut watched) in self.watched.drain(..).enumerate() {
            let planned = self.planned.clone();
            looks.spawn(async move {
                let look = watched.look(&planned, when).await;
                (number, watched, look)
            });
        }
        let mut seen = looks.join_all().await;
        seen.sort_by_key(|(number, ..)| *number);
        let mut all = !seen.is_empty();
        for (_, watched, (good, sentence)) in seen {
            all &= good;
            self.sentences.push(format!("{name}, {}: {sentence}", watched.name));
            self.watched.push(watched);
        }
        all
    }
}

/// Everything that a fault strikes.
async fn watched(planned: &PlannedFault, scene: &Scene) -> Vec<Watched> {
    let links = planned.links.iter().filter_map(|&link| Some((link, scene.links.get(link)?)));
    let links = links.map(|(link, wired)| (link.to_string(), Subject::Link(wired)));
    let mut subjects: Vec<_> = links.collect();
    let environment = scene.environment.lock().await;
    for node in &planned.nodes {
        subjects.push((format!("a{node}"), Subject::Acceptor(environment.address(*node))));
    }
    let services = environment.services();
    for proposer in &planned.proposers {
        let url = services.get(*proposer as usize - 1).cloned().unwrap_or_default();
        subjects.push((format!("p{proposer}"), Subject::Proposer(url)));
    }
    drop(environment);
    let watch = |(name, subject)| Watched { name, subject, line: None };
    subjects.into_iter().map(watch).collect()
}

impl Watched {
    /// Looks once while the fault should hold; before and after, until all is well, or for as long as
    /// that may take: one hiccup does not make it ill.
    async fn look(&mut self, planned: &PlannedFault, when: When) -> Look {
        let until = Instant::now() + GONE_WITHIN;
        loop {
            let look = match when {
                When::Before => self.before(planned).await,
                When::During => return self.during(planned).await,
                When::After => self.after(planned).await,
            };
            if look.0 || Instant::now() >= until {
                return look;
            }
            sleep(AGAIN).await;
        }
    }

    async fn before(&mut self, planned: &PlannedFault) -> Look {
        let address = match &self.subject {
            Subject::Link(wired) => wired.address(),
            Subject::Acceptor(address) => *address,
            Subject::Proposer(url) => return of_servers::lives(url).await,
        };
        let (line, seen) = Line::open(address, probe::PATIENCE).await;
        self.line = line;
        let (mut good, mut words) = (seen.is_answer(), format!("a new connection {seen}"));
        if planned.fault.befalls() == Befalls::Acceptor && of_servers::is_of_writes(planned.fault) {
            let (taken, write) = of_servers::takes_writes(address).await;
            good &= taken;
            words = format!("{words}, {write}");
        }
        (good, words)
    }

    async fn during(&mut self, planned: &PlannedFault) -> Look {
        match &self.subject {
            Subject::Link(wired) => of_links::during(planned, wired, &mut self.line).await,
            Subject::Acceptor(address) => {
                of_servers::during(planned.fault, *address, &mut self.line).await
            }
            Subject::Proposer(url) => of_servers::proposer_during(planned.fault, url).await,
        }
    }

    async fn after(&mut self, planned: &PlannedFault) -> Look {
        self.line = None;
        match &self.subject {
            Subject::Link(wired) => of_links::after(planned, wired.address()).await,
            Subject::Acceptor(address) => of_servers::after(planned.fault, *address).await,
            Subject::Proposer(url) => of_servers::lives(url).await,
        }
    }
}

/// The old connection ends, and new ones are accepted and end soon.
async fn ends_all(address: SocketAddr, line: &mut Option<Line>, patience: Duration) -> Look {
    let old = match line {
        Some(line) => line.ends_within(patience).await.is_some(),
        None => true,
    };
    let new = match Line::connect(address, patience).await {
        Err(seen) => Err(seen),
        Ok(mut new) => Ok(new.ends_within(patience).await),
    };
    let words = match new {
        Err(seen) => format!("a new one {seen}"),
        Ok(None) => String::from("a new one lives on"),
        Ok(Some(after)) => {
            format!("a new one was accepted and torn after {} ms", after.as_millis())
        }
    };
    let torn = if old { "torn" } else { "alive" };
    (old && matches!(new, Ok(Some(_))), format!("the old connection {torn}, {words}"))
}

/// Asks on the connection that was there before the fault.
async fn ask_old(line: &mut Option<Line>, patience: Duration) -> Seen {
    match line {
        Some(line) => line.ask(patience).await,
        None => Seen::Torn,
    }
}
