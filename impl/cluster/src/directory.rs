//! The acceptors at addresses, and what they report of their cluster.

use crate::cluster_config::{ClusterConfig, ClusterConfigError};
use crate::{Acceptor, Clock, RequestError, Status};
use caspaxos::AcceptorId;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an acceptor may take to answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// An address that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address:?} is not an acceptor's address: {reason}; write redis://[user:password@]host:port"
)]
pub struct AddressError {
    /// The address, without its password.
    pub address: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Makes an acceptor of an address.
pub type Connector<A> = Arc<dyn Fn(&str) -> Result<A, AddressError> + Send + Sync>;

/// Acceptors by address. Each is made once.
pub struct Directory<A, C> {
    connector: Connector<A>,
    clock: C,
    known: Mutex<BTreeMap<String, Arc<A>>>,
}

/// An address, and what the acceptor there answers.
#[derive(Debug)]
pub struct Found<A> {
    /// The address.
    pub address: String,
    /// The acceptor.
    pub acceptor: Arc<A>,
    /// What it answers.
    pub status: Result<Status, RequestError>,
}

/// Why no configuration could be read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// An address cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A configuration cannot be understood.
    #[error(transparent)]
    ClusterConfig(#[from] ClusterConfigError),
    /// The addresses are of two clusters.
    #[error("the acceptors belong to clusters {0} and {1}; give the addresses of one cluster")]
    TwoClusters(u64, u64),
}

impl<A: Acceptor, C: Clock> Directory<A, C> {
    /// No acceptor is known yet.
    pub fn new(connector: Connector<A>, clock: C) -> Self {
        Self { connector, clock, known: Mutex::default() }
    }

    /// The clock by which it waits.
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// The acceptor at an address.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn at(&self, address: &str) -> Result<Arc<A>, AddressError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(acceptor) = known.get(address) {
            return Ok(Arc::clone(acceptor));
        }
        let acceptor = Arc::new((self.connector)(address)?);
        known.insert(address.to_owned(), Arc::clone(&acceptor));
        Ok(acceptor)
    }

    /// Connects again when this address is asked for next.
    pub fn forget(&self, address: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
    }

    /// The acceptors of a configuration, by number.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn of(&self, config: &ClusterConfig) -> Result<BTreeMap<AcceptorId, Arc<A>>, AddressError> {
        let numbered = |(id, address): (&u32, &String)| Ok((AcceptorId(*id), self.at(address)?));
        config.acceptors.iter().map(numbered).collect()
    }

    /// Asks the acceptors at these addresses what they are, all at once.
    ///
    /// # Errors
    /// [`AddressError`]. An acceptor that does not answer is no error.
    pub async fn ask<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a String>,
    ) -> Result<Vec<Found<A>>, AddressError> {
        let asked: Vec<_> = addresses
            .into_iter()
            .map(|address| Ok((address.clone(), self.at(address)?)))
            .collect::<Result<_, AddressError>>()?;
        let ask = async |(address, acceptor): (String, Arc<A>)| {
            let status = self.answer(acceptor.status()).await;
            Found { address, acceptor, status }
        };
        Ok(join_all(asked.into_iter().map(ask)).await)
    }

    /// What an acceptor answers, if it does in time.
    pub(crate) async fn answer<T: Send>(
        &self,
        asked: impl Future<Output = Result<T, RequestError>> + Send,
    ) -> Result<T, RequestError> {
        let late = || Err(RequestError::NoAnswer(String::from("no answer in time")));
        self.clock.within(ANSWER_TIMEOUT, asked).await.unwrap_or_else(late)
    }

    /// The latest configuration that any acceptor carries, starting from these addresses and going on to
    /// those that configurations name. `None` when none of them is an acceptor of a cluster. One that has
    /// left its cluster still has the addresses of the others: they are used if that is the `cluster` looked for.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn newest(
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
                // In epoch 0 a cluster is being made, and may never be completed.
                let claimed = state.is_some_and(|state| state.epoch == 0);
                if config.is_empty() || claimed || (state.is_none() && cluster.is_none()) {
                    continue;
                }
                let config = match ClusterConfig::parse(&config) {
                    Ok(config) => config,
                    Err(error) => {
                        tracing::warn!(%error, "an acceptor's copy of the configuration cannot be read and is ignored");
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
