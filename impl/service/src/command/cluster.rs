//! `gryadka cluster`: the same tasks as the service's, in the foreground.

use super::connect;
use crate::administration::{Administration, Cluster, Progress, Task, TaskError};
use crate::args::{ClusterArgs, ClusterCommand};
use crate::exit::{End, Failure};
use std::io::{self, Write};

pub(crate) async fn cluster(command: ClusterCommand) -> Result<End, Failure> {
    match command {
        ClusterCommand::Init(args) => init(&args).await,
        ClusterCommand::Status(args) => status(&args).await,
        ClusterCommand::Grow { acceptor, cluster } => {
            perform(&cluster, Task::Grow { acceptor }).await
        }
        ClusterCommand::Shrink { acceptor, cluster } => {
            perform(&cluster, Task::Shrink { acceptor }).await
        }
        ClusterCommand::Replace { old, new, cluster } => {
            perform(&cluster, Task::Replace { old, new }).await
        }
        ClusterCommand::Rescan(args) => perform(&args, Task::Rescan).await,
        ClusterCommand::Collect(args) => perform(&args, Task::Collect).await,
        ClusterCommand::Resume(args) => perform(&args, Task::Resume).await,
    }
}

async fn administration(args: &ClusterArgs) -> Result<Administration, Failure> {
    let gryadka = connect(&args.store, 0).await?;
    Ok(Administration::new(gryadka, args.store.acceptors.clone().into()))
}

/// To be `Gryadka::connect` with `initialise`, once that asks the servers.
async fn init(_: &ClusterArgs) -> Result<End, Failure> {
    Err(Failure::NotConnected("cluster init"))
}

async fn status(args: &ClusterArgs) -> Result<End, Failure> {
    let state = administration(args).await?.cluster(args.store.timeout).await;
    let text = if args.json {
        serde_json::to_string(&state).map_err(io::Error::from)
    } else {
        Ok(table(&state))
    };
    text.and_then(|text| writeln!(io::stdout(), "{text}")).map_err(Failure::io("stdout"))?;
    Ok(End::Done)
}

fn table(state: &Cluster) -> String {
    let settled = if state.settled { "settled" } else { "on the way" };
    let mut lines = vec![format!(
        "epoch {} ({settled}): {} must promise, {} must accept",
        state.epoch, state.prepare, state.accept
    )];
    for acceptor in &state.acceptors {
        let health = if acceptor.reachable { "up" } else { "DOWN" };
        lines.push(format!("{:>4}  {:<4}  {}", acceptor.id, health, acceptor.address));
    }
    lines.join("\n")
}

async fn perform(args: &ClusterArgs, task: Task) -> Result<End, Failure> {
    let done = administration(args).await?.perform(task, &Progress::default()).await;
    match done {
        Ok(()) => Ok(End::Done),
        Err(TaskError::NotConnected(name)) => Err(Failure::NotConnected(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::administration::Acceptor;

    #[test]
    fn a_status_fits_a_terminal() {
        let acceptor =
            |id, reachable| Acceptor { id, address: format!("10.0.0.{id}:6379"), reachable };
        let acceptors = vec![acceptor(1, true), acceptor(2, false), acceptor(3, true)];
        let state = Cluster { epoch: 7, settled: false, prepare: 2, accept: 2, acceptors };
        insta::assert_snapshot!(table(&state), @r"
        epoch 7 (on the way): 2 must promise, 2 must accept
           1  up    10.0.0.1:6379
           2  DOWN  10.0.0.2:6379
           3  up    10.0.0.3:6379
        ");
    }
}
