//! Acceptors that come back without what they knew. Their guard keeps them out of the cluster until
//! they join again by a change of membership, which is what undoes it.

use super::NemesisError;
use super::aim::resolve;
use super::course::Course;
use super::driver::{Aim, Drivers};
use super::evidence::Evidence;
use super::members::{Look, Members, REST};
use super::scene::Scene;
use tokio::sync::{MutexGuard, watch};
use tokio::time::Instant;
use workloads::{FaultKind, Mutant, PlannedFault};

/// A wipe under way. Nothing else goes on meanwhile, so it has the members for itself.
pub(super) struct Wiping<'a> {
    scene: &'a Scene,
    members: MutexGuard<'a, Members>,
    /// Those that are wiped, with the ids that they had in the cluster.
    wiped: Vec<(u32, Option<u32>)>,
    before: Look,
    evidence: Evidence,
    sentences: Vec<String>,
    rejoined: bool,
}

impl<'a> Wiping<'a> {
    pub(super) async fn before(scene: &'a Scene, planned: &PlannedFault) -> Self {
        let (planned, found) = resolve(scene, planned).await;
        let mut evidence = Evidence::before(&planned, scene, found).await;
        let members = scene.members.lock().await;
        let environment = scene.environment.lock().await;
        let before = members.look(&environment).await;
        let id = |node: &u32| (*node, before.id_of(&environment.url(*node)));
        let wiped = planned.nodes.iter().map(id).collect();
        let mut sentences = evidence.take();
        sentences.push(format!("before: {}", before.words));
        Self { scene, members, wiped, before, evidence, sentences, rejoined: false }
    }

    /// Whether the wiped ones are left alone with what they have forgotten.
    fn is_unguarded(&self) -> bool {
        self.scene.mutant == Some(Mutant::Unguarded)
    }
}

impl Course for Wiping<'_> {
    async fn begin(&mut self) -> Result<(), NemesisError> {
        let mut environment = self.scene.environment.lock().await;
        for (node, _) in &self.wiped {
            environment.inject(FaultKind::Wipe, *node).await?;
        }
        Ok(())
    }

    /// They serve, and have no place in the cluster.
    async fn during(&mut self, _stop: &mut watch::Receiver<bool>) -> Result<bool, NemesisError> {
        let held = self.evidence.during(self.scene).await;
        self.sentences.extend(self.evidence.take());
        if self.is_unguarded() {
            self.sentences.push(String::from("during: nobody guards, so they keep their places"));
            return Ok(held);
        }
        let environment = self.scene.environment.lock().await;
        let now = self.members.look(&environment).await;
        self.sentences.push(format!("during: {}", now.words));
        Ok(held && self.before.rests && !now.rests)
    }

    async fn undo(&mut self) -> Result<(), NemesisError> {
        let mut environment = self.scene.environment.lock().await;
        for (node, _) in &self.wiped {
            environment.undo(FaultKind::Wipe, *node).await?;
        }
        self.rejoined = true;
        if self.is_unguarded() {
            return Ok(());
        }
        for (node, id) in &self.wiped {
            let aim = Aim { joins: Some(*node), leaver: *id };
            let (members, environment) = (&*self.members, &*environment);
            let drivers = Drivers { members, environment, aim, through: None };
            let (done, sentences) = drivers.drive(&[], Instant::now() + REST).await;
            self.sentences.extend(sentences);
            let how = if done { "has joined again" } else { "could not join again" };
            self.sentences.push(format!("a{node} {how}"));
            self.rejoined &= done && id.is_some();
        }
        Ok(())
    }

    async fn after(&mut self) -> bool {
        let gone = self.evidence.after(self.scene).await;
        self.sentences.extend(self.evidence.take());
        let environment = self.scene.environment.lock().await;
        let now = self.members.look(&environment).await;
        self.sentences.push(format!("after: {}", now.words));
        gone && now.rests && self.rejoined
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sentences)
    }
}
