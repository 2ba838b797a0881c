//! A fault of links, acceptors or proposers on its way.

use super::NemesisError;
use super::aim::{self, resolve};
use super::course::Course;
use super::evidence::Evidence;
use super::scene::Scene;
use crate::links::{Affliction, LinkError, Wired};
use crate::progress::say;
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::sync::watch;
use workloads::{Link, Mutant, PlannedFault};

pub(super) struct Strike<'a> {
    scene: &'a Scene,
    planned: PlannedFault,
    affliction: Affliction,
    evidence: Evidence,
    /// The acceptors and the proposers that something was done to.
    struck: (Vec<u32>, Vec<u32>),
}

impl<'a> Strike<'a> {
    /// Looks before the fault: everything that it will strike must be healthy.
    pub(super) async fn before(scene: &'a Scene, number: u32, planned: &PlannedFault) -> Self {
        let (planned, found) = resolve(scene, planned).await;
        let affliction = Affliction::of(&planned, number);
        let evidence = Evidence::before(&planned, scene, found).await;
        Self { scene, planned, affliction, evidence, struck: Default::default() }
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

    /// Does it to everything that it names, up to the first that fails.
    async fn inflict(&mut self) -> Result<(), NemesisError> {
        let links = self.links();
        // All are waited for: what was on its way would come after it has been taken back.
        let afflicted = join_all(links.iter().map(|link| link.afflict(&self.affliction))).await;
        afflicted.into_iter().collect::<Result<(), LinkError>>()?;
        let mut environment = self.scene.environment.lock().await;
        for node in &self.planned.nodes {
            self.struck.0.push(*node);
            environment.strike(self.planned.fault, *node).await?;
        }
        for proposer in &self.planned.proposers {
            self.struck.1.push(*proposer);
            environment.strike_proposer(self.planned.fault, *proposer).await?;
        }
        Ok(())
    }
}

impl Course for Strike<'_> {
    async fn begin(&mut self) -> Result<(), NemesisError> {
        let Err(error) = self.inflict().await else { return Ok(()) };
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
            vec![self.relieve().await.map_err(NemesisError::from)];
        let mut environment = self.scene.environment.lock().await;
        // One that does not come back keeps no other one down.
        for node in &self.struck.0 {
            let up = environment.undo(self.planned.fault, *node).await;
            undone.push(up.map_err(NemesisError::from));
        }
        for proposer in &self.struck.1 {
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
