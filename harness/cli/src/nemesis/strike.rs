//! A fault of links, acceptors or proposers on its way.

use super::NemesisError;
use super::aim::{self, resolve};
use super::course::Course;
use super::evidence::Evidence;
use super::scene::Scene;
use crate::links::{Affliction, LinkError, Wired};
use futures_util::future::{join_all, try_join_all};
use std::sync::Arc;
use tokio::sync::watch;
use workloads::{Link, Mutant, PlannedFault};

pub(super) struct Strike<'a> {
    scene: &'a Scene,
    planned: PlannedFault,
    affliction: Affliction,
    evidence: Evidence,
}

impl<'a> Strike<'a> {
    /// Looks before the fault: everything that it will strike must be healthy.
    pub(super) async fn before(scene: &'a Scene, number: u32, planned: &PlannedFault) -> Self {
        let (planned, found) = resolve(scene, planned).await;
        let affliction = Affliction::of(&planned, number);
        let evidence = Evidence::before(&planned, scene, found).await;
        Self { scene, planned, affliction, evidence }
    }

    /// The links that are afflicted: those that the fault names, unless the nemesis is broken.
    fn links(&self) -> Vec<Arc<Wired>> {
        let misaimed = self.scene.mutant == Some(Mutant::Misaimed);
        let named = &self.planned.links;
        let aimed: Vec<Link> =
            if misaimed { aim::beside(named, &self.scene.links.all()) } else { named.clone() };
        aimed.into_iter().filter_map(|link| self.scene.links.get(link)).collect()
    }

    /// Takes the affliction from every link, also from those after one that fails.
    async fn relieve(&self) -> Result<(), LinkError> {
        let links = self.links();
        let relieved = join_all(links.iter().map(|link| link.relieve(&self.affliction))).await;
        relieved.into_iter().collect()
    }
}

impl Course for Strike<'_> {
    async fn begin(&mut self) -> Result<(), NemesisError> {
        let links = self.links();
        let afflicting = links.iter().map(|link| link.afflict(&self.affliction));
        if let Err(error) = try_join_all(afflicting).await {
            // The first error is told; one of the same proxy says nothing more.
            drop(self.relieve().await);
            return Err(error.into());
        }
        let mut environment = self.scene.environment.lock().await;
        for node in &self.planned.nodes {
            environment.strike(self.planned.fault, *node).await?;
        }
        for proposer in &self.planned.proposers {
            environment.strike_proposer(self.planned.fault, *proposer).await?;
        }
        Ok(())
    }

    async fn during(&mut self, _stop: &mut watch::Receiver<bool>) -> Result<bool, NemesisError> {
        Ok(self.evidence.during(self.scene).await)
    }

    async fn still(&mut self) -> Option<bool> {
        Some(self.evidence.still(self.scene).await)
    }

    async fn undo(&mut self) -> Result<(), NemesisError> {
        let relieved = self.relieve().await;
        let mut environment = self.scene.environment.lock().await;
        for node in &self.planned.nodes {
            environment.undo(self.planned.fault, *node).await?;
        }
        for proposer in &self.planned.proposers {
            environment.undo_proposer(self.planned.fault, *proposer).await?;
        }
        Ok(relieved?)
    }

    async fn after(&mut self) -> bool {
        self.evidence.after(self.scene).await
    }

    fn take(&mut self) -> Vec<String> {
        self.evidence.take()
    }
}
