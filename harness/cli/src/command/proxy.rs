//! `harness proxy`

use crate::args::ProxyArgs;
use crate::exit::{End, Failure};
use crate::progress::say;
use harness_proxy::{ProxyServer, ProxySettings, ServerError, parse_config};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn proxy(args: &ProxyArgs) -> Result<End, Failure> {
    let proxies = args.config.as_deref().map_or_else(|| Ok(Vec::new()), config)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(args, &proxies))?;
    // A name that is still being looked up has nobody left to tell.
    runtime.shutdown_background();
    Ok(End::Done)
}

/// The proxies of a configuration file.
fn config(file: &Path) -> Result<Vec<ProxySettings>, Failure> {
    let wrong =
        |problem: &dyn std::fmt::Display| Failure::usage(format!("{}: {problem}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    parse_config(&text).map_err(|error| wrong(&error))
}

/// Serves until somebody wants it to end.
async fn serve(args: &ProxyArgs, proxies: &[ProxySettings]) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let server = ProxyServer::bind(args.listen, seed).await.map_err(refused)?;
    let made = server.populate(proxies).await.map_err(refused)?;
    say(format!("proxy: listening on http://{}, seed {seed}", server.address()));
    if !server.address().ip().is_loopback() {
        say("proxy: whoever reaches this address can have connections made from this machine");
    }
    for proxy in made {
        let disabled = if proxy.enabled { "" } else { ", disabled" };
        say(format!("proxy: {} from {} to {}{disabled}", proxy.name, proxy.listen, proxy.upstream));
    }
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    server.run(stop).await;
    Ok(())
}

/// Addresses are the user's to choose: a server that cannot have them is no failure of ours.
fn refused(error: ServerError) -> Failure {
    Failure::usage(error)
}
