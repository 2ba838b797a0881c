//! `harness heal`

use crate::args::HealArgs;
use crate::environment::docker::sweep::{self, Things};
use crate::environment::docker::{daemon, own_image};
use crate::exit::{End, Failure};
use crate::heal::{Plan, Spared, Step, plan, take};
use crate::journal::{self, Owner};
use crate::progress::say;
use bollard::Docker;

pub(super) fn heal(args: &HealArgs) -> Result<End, Failure> {
    tokio::runtime::Runtime::new()?.block_on(carry_out(args))
}

async fn carry_out(args: &HealArgs) -> Result<End, Failure> {
    let (journals, unreadable) = journal::find(&journal::directory())?;
    // What carries a label is known without its journal.
    for error in &unreadable {
        say(format!("{error}; it is passed over until it is mended or removed"));
    }
    let mut failed = unreadable.len();
    let docker = daemon::connect().await;
    let things = match &docker {
        Ok((docker, _)) => sweep::find(docker, None).await?,
        Err(error) => {
            say(format!("containers that no journal names cannot be looked for: {error}"));
            Things::default()
        }
    };
    let docker = docker.as_ref().ok().map(|(docker, _)| docker);
    let plans = plan(&journals, &things, args.run.as_deref(), Owner::fate);
    let images = match docker {
        // A run that goes on may be about to use one.
        Some(docker)
            if failed == 0
                && args.run.is_none()
                && plans.iter().all(|plan| plan.spared.is_none()) =>
        {
            own_image::others(docker).await?
        }
        _ => Vec::new(),
    };
    if failed == 0 && images.is_empty() && plans.is_empty() {
        say("there is nothing to heal");
        return Ok(End::Done);
    }
    for plan in &plans {
        failed += usize::from(!one(plan, docker, args.dry_run).await);
    }
    for image in &images {
        let what = format!("the image {image} of another build of the harness");
        if args.dry_run {
            say(format!("would remove {what}"));
        } else if let Some(docker) = docker {
            say(format!("remove {what}"));
            if let Err(error) = own_image::remove(docker, image).await {
                say(format!("could not remove {what}: {error}"));
                failed += 1;
            }
        }
    }
    if failed > 0 {
        return Err(anyhow::anyhow!(
            "not everything could be healed, as told above; the journals of what is left stay, so `harness heal` can be run again"
        )
        .into());
    }
    Ok(End::Done)
}

/// Heals what one run has left, and says each thing. False when something is left still.
async fn one(plan: &Plan, docker: Option<&Docker>, dry_run: bool) -> bool {
    if let Some(spared) = &plan.spared {
        let run = &plan.run;
        let named = match spared {
            Spared::Lives(_) => String::new(),
            Spared::Unseen { .. } | Spared::Hidden(_) | Spared::Unowned => {
                format!("; if it has ended: harness heal --run {run}")
            }
        };
        say(format!("run {run}: {spared}; left alone{named}"));
        return true;
    }
    let mut whole = true;
    for step in &plan.steps {
        // It names what is left.
        if !whole && matches!(step, Step::Journal(_)) {
            continue;
        }
        if dry_run {
            say(format!("run {}: would {step}", plan.run));
            continue;
        }
        say(format!("run {}: {step}", plan.run));
        if let Err(error) = take(step, docker).await {
            say(format!("run {}: could not {step}: {error}", plan.run));
            whole = false;
        }
    }
    whole
}
