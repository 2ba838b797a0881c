//! `gryadka cluster`: the same tasks as the service's, in the foreground.

use super::{options, print, reaching, watch::Watch};
use crate::administration::{Administration, Outcome, Task};
use crate::args::{ClusterArgs, ClusterCommand, LongArgs, ReleaseArgs};
use crate::exit::{CommandOutcome, Failure};
use crate::overview::list;
use gryadka::{
    AcceptorAddress, AddressError, ConnectOptions, Gryadka, Membership, MembershipEvent, Released,
};
use serde::Serialize;

pub(crate) async fn cluster(command: ClusterCommand) -> Result<CommandOutcome, Failure> {
    match command {
        ClusterCommand::Init(args) => init(&args).await,
        ClusterCommand::Status(args) => status(&args).await,
        ClusterCommand::Grow { joining, how } => change(Membership::Grow(joining), &how).await,
        ClusterCommand::Shrink { leaving, how } => change(Membership::Shrink(leaving), &how).await,
        ClusterCommand::Replace { old, new, how } => {
            change(Membership::Replace { old, new }, &how).await
        }
        ClusterCommand::Rescan(args) => perform(&args, Task::Rescan).await,
        ClusterCommand::Resume(how) => change(Membership::Resume, &how).await,
        ClusterCommand::Cancel(how) => change(Membership::Cancel, &how).await,
        ClusterCommand::Collect(args) => perform(&args, Task::Collect).await,
        ClusterCommand::Release(args) => release(&args).await,
    }
}

async fn init(args: &ClusterArgs) -> Result<CommandOutcome, Failure> {
    let options = ConnectOptions { initialise: true, ..options(&args.place)? };
    show(&Administration::new(Gryadka::connect(options).await?), args.json).await
}

async fn status(args: &ClusterArgs) -> Result<CommandOutcome, Failure> {
    show(&administration(args).await?, args.json).await
}

async fn administration(args: &ClusterArgs) -> Result<Administration, Failure> {
    Ok(Administration::new(Gryadka::connect(options(&args.place)?).await?))
}

async fn show(cluster: &Administration, json: bool) -> Result<CommandOutcome, Failure> {
    let overview = cluster.overview().await?;
    if json { print::json(&overview) } else { print::text(&overview) }?;
    Ok(CommandOutcome::Done)
}

async fn change(change: Membership, how: &LongArgs) -> Result<CommandOutcome, Failure> {
    let joining = match &change {
        Membership::Grow(addresses) => addresses.as_slice(),
        Membership::Replace { new, .. } => std::slice::from_ref(new),
        Membership::Shrink(_) | Membership::Resume | Membership::Cancel => &[],
    };
    for url in joining {
        let wrong = |error: AddressError| Failure::Usage(error.to_string());
        url.parse::<AcceptorAddress>().map_err(wrong)?;
    }
    perform(how, Task::Membership(change)).await
}

async fn perform(args: &LongArgs, task: Task) -> Result<CommandOutcome, Failure> {
    let cluster = administration(&args.cluster).await?;
    let watch = Watch::start();
    let show = |progress: MembershipEvent| watch.show(&progress);
    let outcome = cluster.perform(task, args.within, &show).await;
    drop(watch);
    let outcome = outcome?;
    if args.cluster.json {
        print::json(&outcome)?;
    } else {
        print::text(&line(&outcome))?;
    }
    Ok(CommandOutcome::Done)
}

/// The result of a release, for programs.
#[derive(Serialize)]
struct Freed {
    address: String,
    cluster: Option<u64>,
    erased: u64,
}

async fn release(args: &ReleaseArgs) -> Result<CommandOutcome, Failure> {
    let wrong = |error: AddressError| Failure::Usage(error.to_string());
    let address = args.address.parse::<AcceptorAddress>().map_err(wrong)?.to_string();
    let options = reaching(Vec::new(), &args.reach)?;
    let Released { cluster, erased } = gryadka::release(&args.address, &options).await?;
    if args.json {
        print::json(&Freed { address, cluster, erased })?;
    } else {
        let left = cluster.map_or_else(
            || String::from("it belonged to no cluster"),
            |cluster| format!("it has left cluster {cluster}"),
        );
        print::text(&format!("{address} is free: {left}, {erased} registers are erased\n"))?;
    }
    Ok(CommandOutcome::Done)
}

fn line(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Members { epoch, acceptors } => {
            let ids = acceptors.keys().copied().collect();
            format!("epoch {epoch}: the acceptors are {}\n", list(&ids))
        }
        Outcome::Rescanned { keys } => format!("{keys} keys are committed again\n"),
        Outcome::Collected { erased, alive, unfinished: 0 } => {
            format!("{erased} keys are erased, {alive} have a value again\n")
        }
        Outcome::Collected { erased, alive, unfinished } => format!(
            "{erased} keys are erased, {alive} have a value again; {unfinished} are left for \
             later, because not every acceptor answered: see `gryadka cluster status`\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_one_line() {
        let address = |id: u32| (id, format!("redis://10.0.0.{id}:6379"));
        let outcomes = [
            Outcome::Members { epoch: 3, acceptors: [1, 2, 4].map(address).into() },
            Outcome::Rescanned { keys: 17 },
            Outcome::Collected { erased: 3, alive: 1, unfinished: 0 },
            Outcome::Collected { erased: 0, alive: 0, unfinished: 2 },
        ];
        insta::assert_snapshot!(outcomes.iter().map(line).collect::<String>(), @r"
        epoch 3: the acceptors are 1, 2, 4
        17 keys are committed again
        3 keys are erased, 1 have a value again
        0 keys are erased, 0 have a value again; 2 are left for later, because not every acceptor answered: see `gryadka cluster status`
        ");
    }
}
