//! What each command does.

mod bench;
mod cluster;
mod doctor;
mod keys;
mod serve;

use crate::args::{Command, StoreArgs};
use crate::exit::{End, Failure};
use gryadka::{ConnectOptions, Gryadka};
use tokio::runtime::Runtime;

/// Does what was asked.
pub(crate) fn dispatch(command: Command) -> Result<End, Failure> {
    let runtime = Runtime::new().map_err(Failure::io("cannot start"))?;
    match command {
        Command::Serve(args) => runtime.block_on(serve::serve(args)),
        Command::Get(args) => runtime.block_on(keys::get(args)),
        Command::Set(args) => runtime.block_on(keys::set(args)),
        Command::Cas(args) => runtime.block_on(keys::cas(args)),
        Command::Delete(args) => runtime.block_on(keys::delete(args)),
        Command::Cluster(command) => runtime.block_on(cluster::cluster(command)),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Bench(args) => bench::bench(&args),
    }
}

/// A proposer of the cluster that the arguments name.
async fn connect(args: &StoreArgs, cache: usize) -> Result<Gryadka, Failure> {
    let mut options = ConnectOptions::new(args.acceptors.iter().cloned());
    options.prefix.clone_from(&args.prefix);
    options.cache = cache;
    Ok(Gryadka::connect(options).await?)
}
