//! What each command does.

mod bench;
mod cluster;
mod doctor;
mod keys;
mod print;
mod ready;
mod serve;
mod watch;

use crate::args::{Command, PlaceArgs};
use crate::exit::{End, Failure};
use crate::routes;
use gryadka::{Access, ConnectOptions, Route};
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
        Command::Ready(args) => ready::ready(&args).await,
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

/// Where the arguments say that acceptors are, instead of at their own addresses.
fn route(args: &PlaceArgs) -> Result<Option<Route>, Failure> {
    routes::route(&args.routes).map_err(|error| Failure::Usage(error.to_string()))
}

/// The cluster that the arguments name. One call needs no memory of keys.
fn options(args: &PlaceArgs) -> Result<ConnectOptions, Failure> {
    let urls = args.acceptors.iter().cloned();
    let (access, route) = (access(args)?, route(args)?);
    Ok(ConnectOptions { access, route, cache: 0, ..ConnectOptions::new(urls) })
}
