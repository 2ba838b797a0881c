//! The acceptors behind addresses, and what they say of their cluster.

use crate::cluster_config::{ClusterConfig, ClusterConfigError};
use crate::{Acceptor, AcceptorId, AddressError, RequestError, Status};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an acceptor may take to present itself.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Makes an acceptor of an address.
pub type Connector<A> = Arc<dyn Fn(&str) -> Result<A, AddressError> + Send + Sync>;

/// Acceptors by address; each is dialled once.
pub(crate) struct Directory<A> {
    connector: Connector<A>,
    known: Mutex<BTreeMap<String, Arc<A>>>,
}

/// An address, and what the acceptor there says.
pub(crate) struct Found<A> {
    pub(crate) address: String,
    pub(crate) acceptor: Arc<A>,
    pub(crate) status: Result<Status, RequestError>,
}

impl<A: Acceptor> Directory<A> {
    pub(crate) fn new(connector: Connector<A>) -> Self {
        Self { connector, known: Mutex::default() }
    }

    pub(crate) fn at(&self, address: &str) -> Result<Arc<A>, AddressError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(acceptor) = known.get(address) {
            return Ok(Arc::clone(acceptor));
        }
        let acceptor = Arc::new((self.connector)(address)?);
        known.insert(address.to_owned(), Arc::clone(&acceptor));
        Ok(acceptor)
    }

    /// Connects anew where this address is asked for next.
    pub(crate) fn forget(&self, address: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
    }

    /// The acceptors of a config, by number.
    pub(crate) fn of(
        &self,
        config: &ClusterConfig,
    ) -> Result<BTreeMap<AcceptorId, Arc<A>>, AddressError> {
        let numbered = |(id, address): (&u32, &String)| Ok((AcceptorId(*id), self.at(address)?));
        config.acceptors.iter().map(numbered).collect()
    }

    /// Asks the acceptors at these addresses for their state, all at once.
    pub(crate) async fn ask<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a String>,
    ) -> Result<Vec<Found<A>>, AddressError> {
        let asked: Vec<_> = addresses
            .into_iter()
            .map(|address| Ok((address.clone(), self.at(address)?)))
            .collect::<Result<_, AddressError>>()?;
        let ask = async |(address, acceptor): (String, Arc<A>)| {
            let late = || RequestError::NoAnswer(String::from("no answer in time"));
            let status = tokio::time::timeout(TIMEOUT, acceptor.status()).await;
            Found { address, acceptor, status: status.unwrap_or_else(|_| Err(late())) }
        };
        Ok(join_all(asked.into_iter().map(ask)).await)
    }

    /// The latest config that any acceptor carries, starting from these addresses and going on to
    /// those that configs name. `None` when none of them has a place in a cluster. One that has
    /// left its cluster still knows where the others are: it is believed by those who look for
    /// that cluster.
    pub(crate) async fn newest(
        &self,
        addresses: &[String],
        cluster: Option<u64>,
    ) -> Result<Option<ClusterConfig>, DirectoryError> {
        let mut newest: Option<ClusterConfig> = None;
        let mut unreadable = None;
        let mut ask: Vec<String> = addresses.to_vec();
        let mut asked: Vec<String> = Vec::new();
        while !ask.is_empty() {
            for found in self.ask(&ask).await? {
                let Ok(Status { state, config, .. }) = found.status else { continue };
                if config.is_empty() || (state.is_none() && cluster.is_none()) {
                    continue;
                }
                let config = match ClusterConfig::parse(&config) {
                    Ok(config) => config,
                    Err(error) => {
                        tracing::warn!(%error, "an acceptor's copy of the config is passed over");
                        unreadable = Some(error);
                        continue;
                    }
                };
                if cluster.is_some_and(|cluster| cluster != config.cluster) {
                    continue;
                }
                if let Some(known) = newest.as_ref().filter(|it| it.cluster != config.cluster) {
                    return Err(DirectoryError::TwoClusters(known.cluster, config.cluster));
                }
                if newest.as_ref().is_none_or(|newest| config.is_later_than(newest)) {
                    newest = Some(config);
                }
            }
            asked.append(&mut ask);
            let named = newest.iter().flat_map(|newest| newest.acceptors.values());
            ask = named.filter(|address| !asked.contains(address)).cloned().collect();
        }
        match (newest, unreadable) {
            (None, Some(error)) => Err(error.into()),
            (newest, _) => Ok(newest),
        }
    }
}

/// Why no config could be had.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// An address cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A config cannot be understood.
    #[error(transparent)]
    ClusterConfig(#[from] ClusterConfigError),
    /// The addresses do not belong together.
    #[error("the acceptors belong to two clusters, {0} and {1}; name those of one")]
    TwoClusters(u64, u64),
}
