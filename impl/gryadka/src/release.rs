//! Servers that have left their cluster, and are to be used for another one.
//!
//! A server that has left keeps the registers that it had and the configuration record, so that a
//! process that knows only its address still finds the cluster. A release ends that, and nothing else does.

use crate::cluster_proposers::StoreProposers;
use crate::{
    Acceptor, AcceptorState, AddressError, ChangeError, ClusterConfig, ConnectError,
    ConnectOptions, Gryadka, RemoteAcceptor, RequestError, wipe,
};
use gryadka_cluster::{KEY, Proposers};
use std::time::Duration;
use tokio::time::Instant;

/// How long the server, and then the cluster, may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A server that belongs to no cluster any more, and holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// The cluster that it belonged to, where it still knew of one.
    pub cluster: Option<u64>,
    /// How many registers were erased.
    pub erased: u64,
}

/// Why a server was not freed. It is as it was, or holds less of what is to be erased.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Its address cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It did not do what it was asked for. Asking for the same again is safe.
    #[error("{address}: {error}")]
    Server {
        /// Its address.
        address: String,
        /// Why the request failed.
        error: RequestError,
    },
    /// It is an acceptor of its cluster.
    #[error(
        "{address} is acceptor {acceptor} of cluster {cluster} and votes in it; `gryadka cluster shrink {acceptor}` or `replace {acceptor}` first"
    )]
    Member {
        /// Its address.
        address: String,
        /// Its number.
        acceptor: u32,
        /// The cluster.
        cluster: u64,
    },
    /// It votes, and whether it is still a member of its cluster is unknown now.
    #[error(
        "{address} is acceptor {acceptor} of cluster {cluster}, unless the cluster has removed it, which cannot be learnt now: {reason}"
    )]
    ClusterUnknown {
        /// Its address.
        address: String,
        /// Its number.
        acceptor: u32,
        /// The cluster.
        cluster: u64,
        /// Why not.
        reason: String,
    },
}

/// Frees the server at `url`: what it holds under the prefix is erased, and it may found or join any
/// cluster. `options` say how it, and the cluster that it belonged to, are reached; of their `urls`
/// only the logins are used.
///
/// One that still votes, because it was out of reach when its cluster removed it, is freed if the
/// cluster says so.
///
/// # Errors
/// [`ReleaseError`].
pub async fn release(url: &str, options: &ConnectOptions) -> Result<Released, ReleaseError> {
    let own = std::iter::once(url.to_owned());
    let urls = own.chain(options.urls.iter().cloned()).collect();
    let options = ConnectOptions { urls, initialise: false, ..options.clone() };
    let address = url.parse::<crate::AcceptorAddress>()?.to_string();
    let server = options.connector()?(&address)?;
    let failed = |error| ReleaseError::Server { address: address.clone(), error };
    let late = || RequestError::NoAnswer(String::from("no answer in time"));
    let status = tokio::time::timeout(ANSWER_TIMEOUT, server.status()).await;
    let status = status.unwrap_or_else(|_| Err(late())).map_err(failed)?;
    let record = ClusterConfig::parse(&status.config).ok();
    let recorded = record.as_ref().map(|record| record.cluster);
    if let Some(state) = status.state {
        check_has_left(&address, state, record, options).await?;
        server.retire(state.identity, state.epoch).await.map_err(failed)?;
    }
    let token = Proposers::<RemoteAcceptor>::token(&StoreProposers::default());
    let erased = wipe(&server, token).await.map_err(failed)?;
    let cluster = status.state.map(|state| state.identity.cluster).or(recorded);
    Ok(Released { cluster, erased })
}

/// Refuses a member of a cluster. An acceptor in epoch 0 got its identity from an attempt to make a
/// cluster that was not completed, and has never voted.
async fn check_has_left(
    address: &str,
    state: AcceptorState,
    record: Option<ClusterConfig>,
    options: ConnectOptions,
) -> Result<(), ReleaseError> {
    if state.epoch == 0 {
        return Ok(());
    }
    let (cluster, acceptor) = (state.identity.cluster, state.identity.acceptor.0);
    let unknown = |reason: String| {
        let address = address.to_owned();
        ReleaseError::ClusterUnknown { address, acceptor, cluster, reason }
    };
    let record = record.ok_or_else(|| unknown(String::from("it does not know the others")))?;
    let present =
        present_record(&record, options).await.map_err(|error| unknown(error.to_string()))?;
    if present.cluster == cluster && !present.acceptors.contains_key(&acceptor) {
        return Ok(());
    }
    Err(ReleaseError::Member { address: address.to_owned(), acceptor, cluster })
}

/// Why the cluster's configuration record could not be read.
#[derive(Debug, thiserror::Error)]
enum NoRecord {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    Read(#[from] ChangeError),
    #[error(transparent)]
    Malformed(#[from] crate::ClusterConfigError),
}

/// The configuration record as the store itself has it. Copies are not enough: they do not name
/// acceptors that are joining.
async fn present_record(
    copy: &ClusterConfig,
    options: ConnectOptions,
) -> Result<ClusterConfig, NoRecord> {
    let addresses = copy.acceptors.values().cloned().collect();
    let gryadka = Gryadka::connect_to(options, addresses, Some(copy.cluster)).await?;
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    let own = gryadka.store.read_any(KEY, deadline).await?;
    match own.and_then(|found| found.value) {
        Some(bytes) => Ok(ClusterConfig::parse(&bytes)?),
        // The membership was never changed.
        None => Ok(gryadka.shared.config()),
    }
}
