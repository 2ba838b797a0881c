//! What each command does.

mod bench;
mod cluster;
mod doctor;
mod keys;
mod print;
mod serve;
mod watch;

use crate::args::{Command, PlaceArgs};
use crate::exit::{End, Failure};
use gryadka::{Access, ConnectOptions};
use std::path::PathBuf;
use tokio::runtime::Runtime;

/// Does what was asked.
pub(crate) fn dispatch(command: Command) -> Result<End, Failure> {
    if let Command::Bench(args) = &command {
        // It brings its own runtime, of as many threads as it is told.
        return bench::bench(args);
    }
    Runtime::new().map_err(Failure::io("cannot start"))?.block_on(perform(command))
}

async fn perform(command: Command) -> Result<End, Failure> {
    match command {
        Command::Serve(args) => serve::serve(args).await,
        Command::Get(args) => keys::get(args).await,
        Command::Set(args) => keys::set(args).await,
        Command::Cas(args) => keys::cas(args).await,
        Command::Delete(args) => keys::delete(args).await,
        Command::Cluster(command) => cluster::cluster(command).await,
        Command::Doctor(args) => doctor::doctor(&args).await,
        Command::Bench(args) => bench::bench(&args),
    }
}

/// How the arguments say that acceptors are reached.
fn access(args: &PlaceArgs) -> Result<Access, Failure> {
    let read = |path: &PathBuf| {
        let what = format!("cannot read {}", path.display());
        std::fs::read(path).map_err(Failure::io(what))
    };
    let roots = args.tls_roots.as_ref().map(read).transpose()?;
    Ok(Access { prefix: args.prefix.clone(), roots })
}

/// The cluster that the arguments name. One call needs no memory of keys.
fn options(args: &PlaceArgs) -> Result<ConnectOptions, Failure> {
    let urls = args.acceptors.iter().cloned();
    Ok(ConnectOptions { access: access(args)?, cache: 0, ..ConnectOptions::new(urls) })
}
