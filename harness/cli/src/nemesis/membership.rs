//! Changes of who the acceptors are, by drivers that are killed on their way.
//!
//! Servers that joined are started before, and servers that left are ended after: nobody can need them
//! any more.

use super::NemesisError;
use super::course::Course;
use super::driver::{Aim, Drivers};
use super::members::{Look, Members, REST};
use super::scene::Scene;
use crate::environment::Environment;
use crate::links::LinkFault;
use crate::probe::{Line, PATIENCE};
use std::time::Duration;
use tokio::sync::{MutexGuard, watch};
use tokio::time::Instant;
use workloads::{Loss, PlannedChange};

/// How long a change may take, whatever is in its way.
const LIMIT: Duration = Duration::from_secs(10);

/// A change under way. Nothing else goes on meanwhile, so it has the environment for itself.
pub(super) struct Moving<'a> {
    number: u32,
    members: MutexGuard<'a, Members>,
    environment: MutexGuard<'a, Environment>,
    change: &'a PlannedChange,
    before: Look,
    /// The id that the one that is to leave had in the cluster.
    leaver: Option<u32>,
    done: bool,
    sentences: Vec<String>,
}

impl<'a> Moving<'a> {
    /// Looks at the cluster before the change.
    pub(super) async fn before(scene: &'a Scene, number: u32, change: &'a PlannedChange) -> Self {
        let (members, environment) = (scene.members.lock().await, scene.environment.lock().await);
        let before = members.look(&environment).await;
        let sentences = vec![format!("before: {}", before.words)];
        let leaver = change.leaves.and_then(|leaver| before.id_of(&environment.url(leaver)));
        Self { number, members, environment, change, before, leaver, done: false, sentences }
    }

    /// Makes the change by drivers that die so. False when it was not made in time.
    async fn drive(&mut self, deaths: &[u32], through: Option<u32>, until: Instant) -> bool {
        if self.change.leaves.is_some() && self.leaver.is_none() {
            self.sentences.push(String::from("who is to leave was not found in the cluster"));
            return false;
        }
        let PlannedChange { joins, .. } = *self.change;
        let aim = Aim { joins, leaver: self.leaver };
        let (members, environment) = (&*self.members, &*self.environment);
        let drivers = Drivers { members, environment, aim, through };
        let (done, sentences) = drivers.drive(deaths, until).await;
        self.sentences.extend(sentences);
        done
    }

    /// Shows that the one that is to leave is lost.
    async fn show_loss(&mut self) -> bool {
        let PlannedChange { leaves: Some(leaver), lost: Some(loss), .. } = *self.change else {
            return true;
        };
        let addresses: Vec<_> = match loss {
            Loss::Cut => {
                self.members.links.to(leaver).into_iter().map(|(_, link)| link.address()).collect()
            }
            Loss::Kill | Loss::Wipe => vec![self.environment.address(leaver)],
        };
        let mut all = true;
        for address in addresses {
            let (_, seen) = Line::open(address, PATIENCE).await;
            all &= seen.is_answer() == (loss == Loss::Wipe);
            self.sentences.push(format!("during, a{leaver} {loss}: a new connection {seen}"));
        }
        if loss == Loss::Wipe {
            let now = self.members.look(&self.environment).await;
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
        Ok(!seen.is_answer())
    }
}

impl Course for Moving<'_> {
    /// Lets the one that is to leave be lost, and starts the one that is to join.
    async fn begin(&mut self) -> Result<(), NemesisError> {
        let PlannedChange { joins, leaves, lost, .. } = *self.change;
        match (leaves, lost) {
            (Some(leaver), Some(Loss::Cut)) => {
                for (_, link) in self.members.links.to(leaver) {
                    link.apply(&LinkFault::cut(self.number)).await?;
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
    async fn during(&mut self, stop: &mut watch::Receiver<bool>) -> Result<bool, NemesisError> {
        let lost = self.show_loss().await;
        let (until, change) = (Instant::now() + LIMIT, self.change);
        let done = tokio::select! {
            done = self.drive(&change.deaths, change.through, until) => done,
            _ = stop.wait_for(|stop| *stop) => false,
        };
        self.done = done;
        if !done {
            return Ok(false);
        }
        let gone = self.end_leaver().await?;
        let now = self.members.look(&self.environment).await;
        self.sentences.push(format!("during: {}", now.words));
        let epoch = |look: &Look| look.document.as_ref().map(|document| document.epoch);
        let later = epoch(&now) > epoch(&self.before);
        Ok(self.before.rests && lost && gone && now.rests && later)
    }

    /// Heals, and brings a change to its end that was not made in time.
    async fn undo(&mut self) -> Result<(), NemesisError> {
        for (_, link) in self.change.leaves.iter().flat_map(|gone| self.members.links.to(*gone)) {
            link.clear(&LinkFault::cut(self.number)).await?;
        }
        if !self.done {
            self.done = self.drive(&[], None, Instant::now() + REST).await;
            if self.done {
                self.end_leaver().await?;
            }
        }
        Ok(())
    }

    /// Looks at the cluster after the change, and at the links to the one that joined.
    async fn after(&mut self) -> bool {
        let now = self.members.look(&self.environment).await;
        self.sentences.push(format!("after: {}", now.words));
        let mut all = now.rests && self.done;
        for (name, link) in self.change.joins.iter().flat_map(|joins| self.members.links.to(*joins))
        {
            let (_, seen) = Line::open(link.address(), PATIENCE).await;
            all &= seen.is_answer();
            self.sentences.push(format!("after, {name}: a new connection {seen}"));
        }
        all
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sentences)
    }
}
