//! Changes of who the acceptors are, by drivers that are killed on their way.
//!
//! A driver is a proposer of its own. When its time has come it is dropped in the middle of what it
//! does; the next one finds out from the acceptors where it stood. Servers that joined are started
//! before, and servers that left are ended after: nobody can need them any more.

use super::NemesisError;
use crate::cluster::{self, Links};
use crate::environment::Environment;
use crate::probe::{Line, PATIENCE, Seen};
use gryadka::{
    ConnectError, Document, Gryadka, Membership, MembershipError, MembershipOptions, Progress,
    Rescan,
};
use harness_proxy::Condition;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout_at};
use workloads::{Loss, PlannedChange, Scenario};

/// How long a change may take, whatever is in its way.
const LIMIT: Duration = Duration::from_secs(10);
/// How long it may take after that, when it is brought to its end so that the run can go on.
const REST: Duration = Duration::from_secs(5);
/// The wait before another driver tries what one did not get done.
const AGAIN: Duration = Duration::from_millis(100);

/// The acceptors that the nemesis counts on, and how the cluster is got at.
pub(super) struct Members {
    scenario: Scenario,
    links: Arc<Links>,
    numbers: BTreeSet<u32>,
}

/// A change under way.
pub(super) struct Moving<'a> {
    members: &'a mut Members,
    environment: &'a mut Environment,
    change: &'a PlannedChange,
    before: Look,
    /// The id that the one that is to leave had in the cluster.
    leaver: Option<u32>,
    done: bool,
    sentences: Vec<String>,
}

/// What a look at the cluster came to.
struct Look {
    /// It is at rest with exactly those acceptors that it should have, all of them voting.
    rests: bool,
    document: Option<Document>,
    words: String,
}

/// How a driver ended.
enum Life {
    Done,
    Killed(Progress),
}

#[derive(Debug, thiserror::Error)]
enum DriveError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

impl Members {
    pub(super) fn new(scenario: &Scenario, links: &Arc<Links>) -> Self {
        let numbers = (1..=scenario.nodes).collect();
        Self { scenario: scenario.clone(), links: Arc::clone(links), numbers }
    }

    /// A proposer that knows these acceptors, through a node's links or directly.
    async fn connect(
        &self,
        environment: &Environment,
        through: Option<u32>,
    ) -> Result<Gryadka, ConnectError> {
        let urls = self.numbers.iter().map(|number| environment.url(*number)).collect();
        let route = through.map(|node| self.links.route(node));
        Gryadka::connect(cluster::options(&self.scenario, urls, route)).await
    }

    /// Looks at the cluster, past all links.
    async fn look(&self, environment: &Environment) -> Look {
        let looking = self.look_closely(environment, Instant::now() + REST);
        let failed = |why| Look { rests: false, document: None, words: why };
        match timeout_at(Instant::now() + REST, looking).await {
            Err(_) => failed(String::from("the cluster does not answer")),
            Ok(Err(error)) => failed(error.to_string()),
            Ok(Ok(look)) => look,
        }
    }

    async fn look_closely(
        &self,
        environment: &Environment,
        until: Instant,
    ) -> Result<Look, DriveError> {
        let store = self.connect(environment, None).await?;
        // Where nothing is under way there is nothing to resume, and the document comes back.
        let moves = AtomicBool::new(false);
        let watch = |_: Progress| moves.store(true, Ordering::Relaxed);
        let options = MembershipOptions { rescan: Rescan::Identity, deadline: until };
        let document = store.change_membership(Membership::Resume, options, &watch).await?;
        let votes = store.cluster().await?.acceptors.into_iter().filter(|acceptor| acceptor.votes);
        let voters: BTreeSet<u32> = votes.map(|acceptor| acceptor.id).collect();
        let silent: Vec<u32> = document.members().difference(&voters).copied().collect();
        let there = self.numbers_of(environment, &document);
        let moves = moves.into_inner();
        let rests = !moves && silent.is_empty() && there.as_ref() == Some(&self.numbers);

        let names = |there: BTreeSet<u32>| {
            there.iter().map(|number| format!("a{number}")).collect::<Vec<_>>().join(" ")
        };
        let names = there.map_or_else(|| String::from("acceptors unknown here"), names);
        let state = if moves { "was under way" } else { "settled" };
        let votes = match silent.as_slice() {
            [] => String::from("all vote"),
            silent => format!("those with the ids {silent:?} do not vote"),
        };
        let words = format!("epoch {}, {state}: {names}; {votes}", document.epoch);
        Ok(Look { rests, document: Some(document), words })
    }

    /// The numbers of those who take part, if they are known.
    fn numbers_of(&self, environment: &Environment, document: &Document) -> Option<BTreeSet<u32>> {
        let number = |id: u32| {
            let url = document.acceptors.get(&id)?;
            self.numbers.iter().copied().find(|number| environment.url(*number) == *url)
        };
        document.members().into_iter().map(number).collect()
    }
}

impl<'a> Moving<'a> {
    /// Looks at the cluster before the change.
    pub(super) async fn before(
        members: &'a mut Members,
        environment: &'a mut Environment,
        change: &'a PlannedChange,
    ) -> Self {
        let before = members.look(environment).await;
        let sentences = vec![format!("before: {}", before.words)];
        let leaver = change.leaves.zip(before.document.as_ref()).and_then(|(leaver, document)| {
            let url = environment.url(leaver);
            document.members().into_iter().find(|id| document.acceptors.get(id) == Some(&url))
        });
        Self { members, environment, change, before, leaver, done: false, sentences }
    }

    /// The sentences since the last time.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sentences)
    }

    /// Lets the one that is to leave be lost, and starts the one that is to join.
    pub(super) async fn begin(&mut self) -> Result<(), NemesisError> {
        let PlannedChange { joins, leaves, lost, .. } = *self.change;
        match (leaves, lost) {
            (Some(leaver), Some(Loss::Cut)) => {
                for (_, link) in self.members.links.to(leaver) {
                    link.set(Condition::Cut)?;
                }
            }
            (Some(leaver), Some(Loss::Kill)) => self.environment.end(leaver).await?,
            (Some(leaver), Some(Loss::Wipe)) => self.environment.wipe(leaver).await?,
            (_, None) | (None, Some(_)) => {}
        }
        if joins.is_some() && joins != leaves {
            let newcomer = self.environment.start_acceptor().await?;
            self.members.links.open_to(newcomer, self.environment.address(newcomer)).await?;
            self.members.numbers.insert(newcomer);
        }
        Ok(())
    }

    /// Makes the change, and shows that it is made. False when it was not, in time.
    pub(super) async fn during(
        &mut self,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, NemesisError> {
        let lost = self.show_loss().await;
        let until = Instant::now() + LIMIT;
        tokio::select! {
            done = self.drive(&self.change.deaths, self.change.through, until) => {
                (self.done, self.sentences) = done;
            }
            _ = stop.wait_for(|stop| *stop) => {}
        }
        if !self.done {
            return Ok(false);
        }
        let gone = self.end_leaver().await?;
        let now = self.members.look(self.environment).await;
        self.sentences.push(format!("during: {}", now.words));
        let epoch = |look: &Look| look.document.as_ref().map(|document| document.epoch);
        let later = epoch(&now) > epoch(&self.before);
        Ok(self.before.rests && lost && gone && now.rests && later)
    }

    /// Heals, and brings a change to its end that was not made in time.
    pub(super) async fn undo(&mut self) -> Result<(), NemesisError> {
        for (_, link) in self.change.leaves.iter().flat_map(|gone| self.members.links.to(*gone)) {
            link.heal()?;
        }
        if !self.done {
            (self.done, self.sentences) = self.drive(&[], None, Instant::now() + REST).await;
            if self.done {
                self.end_leaver().await?;
            }
        }
        Ok(())
    }

    /// Looks at the cluster after the change, and at the links to the one that joined.
    pub(super) async fn after(&mut self) -> bool {
        let now = self.members.look(self.environment).await;
        self.sentences.push(format!("after: {}", now.words));
        let mut all = now.rests && self.done;
        for (name, link) in self.change.joins.iter().flat_map(|joins| self.members.links.to(*joins))
        {
            let (_, seen) = Line::open(link.address(), PATIENCE).await;
            all &= matches!(seen, Seen::Answered(_));
            self.sentences.push(format!("after, {name}: a new connection {seen}"));
        }
        all
    }

    /// Shows that the one that is to leave is lost.
    async fn show_loss(&mut self) -> bool {
        let PlannedChange { leaves: Some(leaver), lost: Some(loss), .. } = *self.change else {
            return true;
        };
        let addresses: Vec<_> = match loss {
            Loss::Cut => {
                self.members.links.to(leaver).into_iter().map(|(_, l)| l.address()).collect()
            }
            Loss::Kill | Loss::Wipe => vec![self.environment.address(leaver)],
        };
        let mut all = true;
        for address in addresses {
            let (_, seen) = Line::open(address, PATIENCE).await;
            let answers = matches!(seen, Seen::Answered(_));
            all &= answers == (loss == Loss::Wipe);
            self.sentences.push(format!("during, a{leaver} {loss}: a new connection {seen}"));
        }
        if loss == Loss::Wipe {
            let now = self.members.look(self.environment).await;
            all &= !now.rests;
            self.sentences.push(format!("during, a{leaver} {loss}: {}", now.words));
        }
        all
    }

    /// Ends the server of the one that left, and shows that it is gone.
    async fn end_leaver(&mut self) -> Result<bool, NemesisError> {
        let leaver = self.change.leaves.filter(|_| self.change.joins != self.change.leaves);
        let Some(leaver) = leaver else { return Ok(true) };
        self.environment.end(leaver).await?;
        self.members.numbers.remove(&leaver);
        let (_, seen) = Line::open(self.environment.address(leaver), PATIENCE).await;
        self.sentences.push(format!("a{leaver} has left: a new connection {seen}"));
        self.sentences.extend(self.environment.process_evidence(leaver).await);
        Ok(seen == Seen::Refused)
    }

    /// Sends one driver after the other until the change is made, and tells of them. False when the
    /// time is over before.
    async fn drive(
        &self,
        deaths: &[u32],
        through: Option<u32>,
        until: Instant,
    ) -> (bool, Vec<String>) {
        let (mut deaths, mut sentences) = (deaths.iter().copied(), self.sentences.clone());
        if self.change.leaves.is_some() && self.leaver.is_none() {
            sentences.push(String::from("who is to leave was not found in the cluster"));
            return (false, sentences);
        }
        let mut failure = String::from("drivers were killed until the end");
        while Instant::now() < until {
            let dies = deaths.next();
            match timeout_at(until, self.one_driver(through, dies, until)).await {
                Ok(Ok(Life::Done)) => return (true, sentences),
                Ok(Ok(Life::Killed(last))) => {
                    sentences.push(format!("a driver was killed when {}", words(&last)));
                }
                Ok(Err(error)) => {
                    failure = error.to_string();
                    sleep(AGAIN).await;
                }
                Err(_) => failure = String::from("a driver did not come to an end"),
            }
        }
        sentences.push(format!("not made in time: {failure}"));
        (false, sentences)
    }

    /// A driver that is killed after so many parts, or lives until it is done.
    async fn one_driver(
        &self,
        through: Option<u32>,
        dies: Option<u32>,
        until: Instant,
    ) -> Result<Life, DriveError> {
        let store = self.members.connect(self.environment, through).await?;
        let (parts, dead) = (Mutex::new(Vec::new()), Notify::new());
        let watch = |progress: Progress| {
            let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
            parts.push(progress);
            if u32::try_from(parts.len()).ok() == dies {
                dead.notify_one();
            }
        };
        tokio::select! {
            biased;
            () = dead.notified() => {}
            done = self.make(&store, until, &watch) => return done.map(|()| Life::Done),
        }
        let last = parts.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(last.map_or(Life::Done, Life::Killed))
    }

    /// What a driver does: whatever was begun, and then what is left.
    async fn make(
        &self,
        store: &Gryadka,
        until: Instant,
        watch: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), DriveError> {
        let rescan = if self.change.copies { Rescan::Copy } else { Rescan::Identity };
        let options = MembershipOptions { rescan, deadline: until };
        let present = store.change_membership(Membership::Resume, options, watch).await?;
        let there = |id: &u32| present.members().contains(id);
        let joins = self.change.joins.map(|newcomer| self.environment.url(newcomer));
        let what = match (joins, self.leaver.filter(there)) {
            (Some(new), Some(old)) => Membership::Replace { old, new },
            (None, Some(old)) => Membership::Shrink(vec![old]),
            (Some(new), None)
                if present.members().iter().any(|id| present.acceptors.get(id) == Some(&new)) =>
            {
                return Ok(());
            }
            (Some(new), None) => Membership::Grow(vec![new]),
            (None, None) => return Ok(()),
        };
        store.change_membership(what, options, watch).await?;
        Ok(())
    }
}

fn words(progress: &Progress) -> String {
    match progress {
        Progress::Announced(wanted) => format!("the aim {wanted:?} was announced"),
        Progress::Admitted(id) => format!("newcomer {id} had its place"),
        Progress::Decided(epoch) => format!("epoch {epoch} was decided"),
        Progress::Sealed(epoch) => format!("the epoch before {epoch} was sealed"),
        Progress::Rescanned { epoch, keys } => {
            format!("{keys} keys were rescanned in epoch {epoch}")
        }
        Progress::Settled(epoch) => format!("epoch {epoch} was settled"),
    }
}
