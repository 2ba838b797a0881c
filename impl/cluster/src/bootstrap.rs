//! A new cluster out of servers that belong to none.
//!
//! The acceptors are claimed one after the other: each gets its identity in epoch 0, in which no acceptor
//! votes, and remembers which cluster is to be made. The one with the lowest address comes first, and decides
//! which cluster it is, so that processes that make a cluster of the same servers at the same time make one,
//! whatever the order of their lists. Only when all have their identities are they notified of epoch 1, the
//! first one first again. So an acceptor without an identity beside one that is past epoch 0
//! has lost its memory, and is not given its old identity again: that would make it forget its promises.
//!
//! A server that has left a cluster remembers that cluster, and is never made part of a new one: a
//! process that starts with an old list of addresses is led to the present acceptors, or its error names the
//! addresses that they had last.

use crate::cluster_config::ClusterConfig;
use crate::directory::{Directory, DirectoryError, Found};
use crate::{Acceptor, Clock, RequestError, wipe};
use caspaxos::AcceptorState;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often the acceptors are claimed again when another process has claimed one first.
const TRIES: u32 = 10;
/// The wait before that; it grows with every try.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// Why a cluster could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The addresses or a configuration cannot be understood.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// An acceptor did not do what it was asked for. Asking for the same again is safe.
    #[error("{address}: {error}")]
    Acceptor {
        /// Its address.
        address: String,
        /// What it answered, or why it did not.
        error: RequestError,
    },
    /// An acceptor votes in a cluster whose configuration cannot be read now.
    #[error(
        "{address} is an acceptor of a cluster whose configuration cannot be read now; try again when more of its acceptors answer"
    )]
    Taken {
        /// Its address.
        address: String,
    },
    /// An acceptor has left a cluster, and none of the acceptors in its copy of the configuration answers as one.
    #[error(
        "{address} has left cluster {cluster}, whose acceptors were last known at {acceptors}, and none of them answers; give the addresses of its present acceptors, or free the server with `gryadka cluster release {address}`"
    )]
    Moved {
        /// Its address.
        address: String,
        /// The cluster.
        cluster: u64,
        /// Where its acceptors were last known.
        acceptors: String,
    },
}

/// Makes a cluster of the acceptors at these addresses, or finds that it is there already. For a new one
/// all of them must be reachable, and none may have begun to vote, or have left another cluster; what they
/// held under the prefix before is erased. `fresh` is the new cluster's number, and `token` draws one for
/// each wipe.
///
/// # Errors
/// [`BootstrapError`].
pub async fn bootstrap<A: Acceptor, C: Clock>(
    directory: &Directory<A, C>,
    addresses: &[String],
    fresh: u64,
    token: &(dyn Fn() -> u64 + Send + Sync),
) -> Result<ClusterConfig, BootstrapError> {
    let mut tries = 0;
    loop {
        let mut found = directory.ask(addresses).await.map_err(DirectoryError::from)?;
        if let Some(config) = present_cluster(directory, addresses, &found).await? {
            return Ok(config);
        }
        found.sort_by(|one, other| one.address.cmp(&other.address));
        let config = match found.first().and_then(|first| claimed(first, addresses)) {
            Some(config) => config,
            None => ClusterConfig::first(fresh, addresses).map_err(DirectoryError::from)?,
        };
        match found_cluster(&config, &found, token).await {
            Ok(()) => return Ok(config),
            // Another process has claimed it meanwhile: its claim is found in the next try.
            Err(BootstrapError::Acceptor {
                error: RequestError::NotMember | RequestError::Refused(_),
                ..
            }) if tries < TRIES => {
                tries += 1;
                directory.clock().sleep(RETRY_DELAY * tries).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The cluster that these acceptors belong to, or have left, if there is one.
async fn present_cluster<A: Acceptor, C: Clock>(
    directory: &Directory<A, C>,
    addresses: &[String],
    found: &[Found<A>],
) -> Result<Option<ClusterConfig>, BootstrapError> {
    let votes = |found: &&Found<A>| state(found).is_some_and(|state| state.epoch > 0);
    if let Some(voter) = found.iter().find(votes) {
        let taken = || BootstrapError::Taken { address: voter.address.clone() };
        let config = directory.newest(addresses, None).await?.ok_or_else(taken)?;
        finish(&config, found).await?;
        return Ok(Some(config));
    }
    for found in found {
        if let Some(last) = last_known(found)? {
            return Ok(Some(successor(directory, &found.address, last).await?));
        }
    }
    Ok(None)
}

fn state<A>(found: &Found<A>) -> Option<AcceptorState> {
    found.status.as_ref().ok().and_then(|status| status.state)
}

/// The first configuration of the cluster that another process is making of the same addresses, if it has
/// claimed the first acceptor for it.
fn claimed<A>(first: &Found<A>, addresses: &[String]) -> Option<ClusterConfig> {
    let identity = state(first)?.identity;
    let claim = ClusterConfig::parse(&first.status.as_ref().ok()?.config).ok()?;
    let ours: BTreeSet<&String> = addresses.iter().collect();
    let theirs: BTreeSet<&String> = claim.acceptors.values().collect();
    let of_first = claim.number_of(&first.address).is_some_and(|id| claim.identity(id) == identity);
    (of_first && ours == theirs).then_some(claim)
}

/// The last configuration that an acceptor knew of the cluster that it has left, if it has left one.
fn last_known<A>(found: &Found<A>) -> Result<Option<ClusterConfig>, DirectoryError> {
    match &found.status {
        Ok(status) if status.state.is_none() && !status.config.is_empty() => {
            Ok(Some(ClusterConfig::parse(&status.config)?))
        }
        Ok(_) | Err(_) => Ok(None),
    }
}

/// The present configuration of a cluster that the acceptor at `address` has left.
async fn successor<A: Acceptor, C: Clock>(
    directory: &Directory<A, C>,
    address: &str,
    last: ClusterConfig,
) -> Result<ClusterConfig, BootstrapError> {
    let known: Vec<String> = last.acceptors.values().cloned().collect();
    let newest = directory.newest(&known, Some(last.cluster)).await?.unwrap_or(last);
    let found = directory.ask(newest.acceptors.values()).await.map_err(DirectoryError::from)?;
    let votes = |(id, found): (&u32, &Found<A>)| {
        state(found).is_some_and(|state| state.identity == newest.identity(*id))
    };
    if newest.acceptors.keys().zip(&found).any(votes) {
        return Ok(newest);
    }
    let acceptors: Vec<_> = newest.acceptors.into_values().collect();
    let (address, acceptors) = (address.to_owned(), acceptors.join(", "));
    Err(BootstrapError::Moved { address, cluster: newest.cluster, acceptors })
}

/// Claims all acceptors, and then notifies them of epoch 1, in the same order.
async fn found_cluster<A: Acceptor>(
    config: &ClusterConfig,
    found: &[Found<A>],
    token: &(dyn Fn() -> u64 + Send + Sync),
) -> Result<(), BootstrapError> {
    let numbered = || found.iter().filter_map(|it| Some((config.number_of(&it.address)?, it)));
    for (id, found) in numbered() {
        claim(config, id, found, token()).await.map_err(|it| failed(found, it))?;
    }
    for (id, found) in numbered() {
        let notified = found.acceptor.set_epoch(config.identity(id), config.epoch, config.bytes());
        notified.await.map_err(|it| failed(found, it))?;
    }
    Ok(())
}

fn failed<A>(found: &Found<A>, error: RequestError) -> BootstrapError {
    BootstrapError::Acceptor { address: found.address.clone(), error }
}

/// Gives an acceptor its identity in epoch 0.
async fn claim<A: Acceptor>(
    config: &ClusterConfig,
    id: u32,
    found: &Found<A>,
    token: u64,
) -> Result<(), RequestError> {
    let identity = config.identity(id);
    match found.status.clone()?.state {
        Some(state) if state.identity == identity => return Ok(()),
        // An attempt that did not get the first acceptor left it behind. In a later epoch this is refused.
        Some(state) => found.acceptor.retire(state.identity, 0).await?,
        None => {}
    }
    wipe(&*found.acceptor, token).await?;
    let state = AcceptorState { identity, epoch: 0, promise_floor: 0 };
    found.acceptor.admit(state, config.bytes(), token).await
}

/// Notifies the other acceptors of a cluster's first epoch, where an attempt was cut short in the middle. An
/// acceptor that has another identity by now is not touched.
async fn finish<A: Acceptor>(
    config: &ClusterConfig,
    found: &[Found<A>],
) -> Result<(), BootstrapError> {
    for found in found {
        let Some(state) = state(found).filter(|state| state.epoch == 0) else { continue };
        let own = config.number_of(&found.address).map(|id| config.identity(id));
        if config.epoch == 1 && own == Some(state.identity) {
            let notified = found.acceptor.set_epoch(state.identity, 1, config.bytes());
            notified.await.map_err(|it| failed(found, it))?;
        }
    }
    Ok(())
}
