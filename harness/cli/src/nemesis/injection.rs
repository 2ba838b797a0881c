//! A fault of links, acceptors or proposers on its way.

use super::NemesisError;
use super::aim::{self, resolve};
use super::course::Course;
use super::evidence::Evidence;
use super::scene::Scene;
use crate::links::{LinkError, LinkFault, Wired};
use crate::progress::say;
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::sync::watch;
use workloads::{Link, Mutant, PlannedFault};

pub(super) struct Injection<'a> {
    scene: &'a Scene,
    planned: PlannedFault,
    link_fault: LinkFault,
    evidence: Evidence,
    /// The acceptors that something was done to.
    acceptors: Vec<u32>,
    /// The proposers that something was done to.
    proposers: Vec<u32>,
}

impl<'a> Injection<'a> {
    /// Looks before the fault: everything that it will strike must be healthy.
    pub(super) async fn before(scene: &'a Scene, number: u32, planned: &PlannedFault) -> Self {
        let (planned, found) = resolve(scene, planned).await;
        let link_fault = LinkFault::of(&planned, number);
        let evidence = Evidence::before(&planned, scene, found).await;
        let (acceptors, proposers) = (Vec::new(), Vec::new());
        Self { scene, planned, link_fault, evidence, acceptors, proposers }
    }

    /// The links that are changed: those that the fault names, unless the nemesis is broken.
    fn links(&self) -> Vec<Arc<Wired>> {
        let misaimed = self.scene.mutant == Some(Mutant::Misaimed);
        let named = &self.planned.links;
        let aimed: Vec<Link> =
            if misaimed { aim::beside(named, &self.scene.links.all()) } else { named.clone() };
        aimed.into_iter().filter_map(|link| self.scene.links.get(link)).collect()
    }

    /// Clears every link of the fault, also from those after one that fails.
    async fn clear(&self) -> Result<(), LinkError> {
        let links = self.links();
        let cleared = join_all(links.iter().map(|link| link.clear(&self.link_fault))).await;
        cleared.into_iter().collect()
    }

    /// Does it to everything that it names, up to the first that fails.
    async fn apply(&mut self) -> Result<(), NemesisError> {
        let links = self.links();
        // All are waited for: what was on its way would come after it has been taken back.
        let applied = join_all(links.iter().map(|link| link.apply(&self.link_fault))).await;
        applied.into_iter().collect::<Result<(), LinkError>>()?;
        let mut environment = self.scene.environment.lock().await;
        for node in &self.planned.nodes {
            self.acceptors.push(*node);
            environment.inject(self.planned.fault, *node).await?;
        }
        for proposer in &self.planned.proposers {
            self.proposers.push(*proposer);
            environment.inject_proposer(self.planned.fault, *proposer).await?;
        }
        Ok(())
    }
}

impl Course for Injection<'_> {
    async fn begin(&mut self) -> Result<(), NemesisError> {
        let Err(error) = self.apply().await else { return Ok(()) };
        let what = self.planned.what();
        match self.undo().await {
            Ok(()) => say(format!("{what}: failed half-way, and was taken back")),
            Err(left) => say(format!("{what}: failed half-way, and cannot be taken back: {left}")),
        }
        Err(error)
    }

    async fn during(&mut self, _stop: &mut watch::Receiver<bool>) -> Result<bool, NemesisError> {
        Ok(self.evidence.during(self.scene).await)
    }

    async fn still(&mut self) -> Option<bool> {
        Some(self.evidence.still(self.scene).await)
    }

    async fn undo(&mut self) -> Result<(), NemesisError> {
        let mut undone: Vec<Result<(), NemesisError>> =
            vec![self.clear().await.map_err(NemesisError::from)];
        let mut environment = self.scene.environment.lock().await;
        // One that does not come back keeps no other one down.
        for node in &self.acceptors {
            let up = environment.undo(self.planned.fault, *node).await;
            undone.push(up.map_err(NemesisError::from));
        }
        for proposer in &self.proposers {
            let up = environment.undo_proposer(self.planned.fault, *proposer).await;
            undone.push(up.map_err(NemesisError::from));
        }
        undone.into_iter().collect()
    }

    async fn after(&mut self) -> bool {
        self.evidence.after(self.scene).await
    }

    fn take(&mut self) -> Vec<String> {
        self.evidence.take()
    }
}
