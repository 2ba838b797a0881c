//! The way that every fault goes, whatever it is: probe → inject → probe that it holds → probe that it still
//! holds → undo → probe that it is gone. Each step is a line of `faults.jsonl` before the next one is taken.

use super::NemesisError;
use super::scene::Scene;
use harness_history::FaultStage;
use std::future::Future;
use tokio::sync::watch;
use tokio::time::Instant;
use workloads::PlannedFault;

/// A fault that was looked at before, and is about to be injected.
pub(super) trait Course: Send {
    /// Injects it. What was done of it is taken back when the rest fails.
    fn begin(&mut self) -> impl Future<Output = Result<(), NemesisError>> + Send;

    /// Looks while it should hold. True when it does, and all was well before.
    fn during(
        &mut self,
        stop: &mut watch::Receiver<bool>,
    ) -> impl Future<Output = Result<bool, NemesisError>> + Send;

    /// Looks again, just before it is undone: what lapsed in between is no fault. `None` where there is
    /// nothing to look at.
    fn still(&mut self) -> impl Future<Output = Option<bool>> + Send {
        std::future::ready(None)
    }

    /// Undoes it.
    fn undo(&mut self) -> impl Future<Output = Result<(), NemesisError>> + Send;

    /// Looks after it was undone. True when all is well again.
    fn after(&mut self) -> impl Future<Output = bool> + Send;

    /// What was seen since the last time, a sentence each.
    fn take(&mut self) -> Vec<String>;
}

/// Lets a fault go its way.
pub(super) async fn go(
    scene: &Scene,
    number: u32,
    planned: &PlannedFault,
    mut course: impl Course,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), NemesisError> {
    let what = planned.what();
    let log = |stage, evidence| scene.write(number, planned, &what, stage, evidence);
    log(FaultStage::Before, course.take())?;

    course.begin().await?;
    let lasted = async {
        log(FaultStage::Injected, Vec::new())?;
        let ends = Instant::now() + planned.lasts.duration();
        scene.goes_on(number, &what);
        let held = course.during(stop).await?;
        log(if held { FaultStage::Held } else { FaultStage::DidNotHold }, course.take())?;
        // A run that was stopped is healed at once.
        if !stopped_before(ends, stop).await
            && held
            && let Some(still) = course.still().await
        {
            log(if still { FaultStage::Held } else { FaultStage::Lapsed }, course.take())?;
        }
        Ok::<(), NemesisError>(())
    };
    let lasted = lasted.await;
    // It is taken back whatever has come of it: others may live on with what it was done to.
    let undone = course.undo().await;
    lasted?;
    undone?;
    scene.is_over(number);
    log(FaultStage::Undone, course.take())?;
    let gone = course.after().await;
    log(if gone { FaultStage::Gone } else { FaultStage::NotUndone }, course.take())
}

/// Waits until then, or until the run is stopped, and says which came first.
pub(super) async fn stopped_before(then: Instant, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout_at(then, stop.wait_for(|stop| *stop)).await.is_ok()
}
