//! What each command does.

mod bench;
mod cluster;
mod doctor;
mod keys;
mod print;
mod ready;
mod secret;
mod serve;
mod watch;

use crate::args::{Command, PlaceArgs, ReachArgs};
use crate::exit::{CommandOutcome, Failure};
use crate::routes;
use gryadka::{Access, ConnectOptions, Credentials};
use std::path::PathBuf;
use tokio::runtime::Runtime;

/// Does what was asked.
pub(crate) fn dispatch(command: Command) -> Result<CommandOutcome, Failure> {
    if let Command::Bench(args) = &command {
        // It makes its own runtime, with as many threads as its options say.
        return bench::bench(args);
    }
    Runtime::new().map_err(Failure::io("cannot start"))?.block_on(perform(command))
}

async fn perform(command: Command) -> Result<CommandOutcome, Failure> {
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

/// The cluster that the arguments name. One call needs no memory of keys.
fn options(args: &PlaceArgs) -> Result<ConnectOptions, Failure> {
    reaching(args.acceptors.clone(), &args.reach)
}

/// The servers at these URLs, reached as the arguments say.
fn reaching(urls: Vec<String>, args: &ReachArgs) -> Result<ConnectOptions, Failure> {
    let read = |path: &PathBuf| {
        let what = format!("cannot read {}", path.display());
        std::fs::read(path).map_err(Failure::io(what))
    };
    let roots = args.tls_roots.as_ref().map(read).transpose()?;
    let route = routes::route(&args.routes).map_err(|error| Failure::Usage(error.to_string()))?;
    let access = Access { prefix: args.prefix.clone(), roots, credentials: credentials(args)? };
    Ok(ConnectOptions { access, route, cache: 0, ..ConnectOptions::new(urls) })
}

/// Where the password of acceptors comes from when no file is named.
const ACCEPTOR_PASSWORD: &str = "GRYADKA_ACCEPTOR_PASSWORD";

/// The user and password for servers whose addresses have none.
fn credentials(args: &ReachArgs) -> Result<Credentials, Failure> {
    let file = args.acceptor_password_file.as_deref();
    let password = secret::secret(file, ACCEPTOR_PASSWORD)?;
    if password.as_ref().is_some_and(String::is_empty) {
        let from = secret::source(file, ACCEPTOR_PASSWORD);
        return Err(Failure::Usage(format!("{from}: the password is empty")));
    }
    // A variable that is set to an empty text counts as not set.
    let user = args.acceptor_user.clone().filter(|user| !user.is_empty());
    if user.is_some() && password.is_none() {
        let text = "--acceptor-user needs a password: give --acceptor-password-file, or set GRYADKA_ACCEPTOR_PASSWORD";
        return Err(Failure::Usage(text.to_owned()));
    }
    Ok(Credentials { user, password })
}
