//! `harness heal`

use crate::args::HealArgs;
use crate::environment::docker::sweep::{self, Things};
use crate::environment::docker::{daemon, own_image};
use crate::exit::{End, Failure};
use crate::heal::{Plan, plan, take};
use crate::journal::{self, Owner};
use crate::progress::say;
use bollard::Docker;

pub(super) fn heal(args: &HealArgs) -> Result<End, Failure> {
    tokio::runtime::Runtime::new()?.block_on(carry_out(args))
}

async fn carry_out(args: &HealArgs) -> Result<End, Failure> {
    let journals = journal::find(&journal::directory())?;
    let docker = daemon::connect().await;
    let things = match &docker {
        Ok((docker, _)) => sweep::find(docker, None).await?,
        Err(error) => {
            say(format!("containers that no journal names cannot be looked for: {error}"));
            Things::default()
        }
    };
    let docker = docker.as_ref().ok().map(|(docker, _)| docker);
    let mut plans = plan(&journals, &things, Owner::lives);
    plans.retain(|plan| args.run.as_ref().is_none_or(|run| *run == plan.run));
    let images = match docker {
        // A run that goes on may be about to use one.
        Some(docker) if args.run.is_none() && plans.iter().all(|plan| plan.lives.is_none()) => {
            own_image::others(docker).await?
        }
        _ => Vec::new(),
    };
    if images.is_empty() && plans.is_empty() {
        say("there is nothing to heal");
        return Ok(End::Done);
    }
    let mut failed = 0;
    for plan in &plans {
        failed += usize::from(!one(plan, docker, args.dry_run).await);
    }
    for image in &images {
        let what = format!("the image {image} of another build of the harness");
        if args.dry_run {
            say(format!("would remove {what}"));
        } else if let Some(docker) = docker {
            say(format!("remove {what}"));
            own_image::remove(docker, image).await?;
        }
    }
    if failed > 0 {
        return Err(anyhow::anyhow!(
            "{failed} of {} runs could not be healed; their journals stay, so `harness heal` can be run again",
            plans.len()
        )
        .into());
    }
    Ok(End::Done)
}

/// Heals what one run has left, and says each thing. False when something is left still.
async fn one(plan: &Plan, docker: Option<&Docker>, dry_run: bool) -> bool {
    if let Some(pid) = plan.lives {
        say(format!("run {}: its harness goes on (pid {pid}); left alone", plan.run));
        return true;
    }
    for step in &plan.steps {
        if dry_run {
            say(format!("run {}: would {step}", plan.run));
            continue;
        }
        say(format!("run {}: {step}", plan.run));
        // The journal is the last step: it stays, and with it everything that is left.
        if let Err(error) = take(step, docker).await {
            say(format!("run {}: could not {step}: {error}", plan.run));
            return false;
        }
    }
    true
}
