//! How a cluster is found, and used.

use crate::credentials::Logins;
use crate::limits::Limits;
use crate::{Access, AddressError, Connector, Options, ProposerId, RemoteAcceptor, address};
use std::fmt;
use std::sync::Arc;

/// How a cluster is found, and used.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Some of its acceptors: `redis://[user:password@]host:port`, `rediss://…` for TLS, or
    /// `native://host:port` for a [`crate::NativeServer`]. They name the others. A user and a
    /// password are for that server, and where all of these have the same, for the others, too; they
    /// stay in this process. [`Access::credentials`] go before what is not for that server.
    pub urls: Vec<String>,
    /// How they are reached, beside their addresses.
    pub access: Access,
    /// How many keys are remembered to save them a round trip; 0 for none.
    pub cache: usize,
    /// How many bytes they may take with their values; 64 MiB by default.
    pub cache_bytes: usize,
    /// How long keys and values may be.
    pub limits: Limits,
    /// Whether servers that belong to no cluster yet are made one, of all of `urls`.
    pub initialise: bool,
    /// Where to go instead of an acceptor's own address: through a tunnel, or a proxy. The cluster
    /// knows acceptors by their own addresses alone, which is what it is asked with, as
    /// [`crate::AcceptorAddress`] spells them. Where the answer has no password, that of the
    /// acceptor's own address is shown.
    pub route: Option<Route>,
    /// The id of this proposer; drawn when absent. Never one that was used before.
    pub proposer: Option<ProposerId>,
    /// Other rules than the protocol's own: for the gallery of mutants.
    #[cfg(feature = "mutants")]
    pub rules: Option<Arc<dyn caspaxos::Rules>>,
}

/// Says where to go instead of an address.
pub type Route = Arc<dyn Fn(&str) -> String + Send + Sync>;

impl ConnectOptions {
    /// These acceptors, the prefix `gryadka:`, and a cache of 10,000 keys.
    pub fn new(urls: impl IntoIterator<Item = String>) -> Self {
        Self {
            urls: urls.into_iter().collect(),
            access: Access::default(),
            cache: 10_000,
            cache_bytes: Options::CACHE_BYTES,
            limits: Limits::default(),
            initialise: false,
            route: None,
            proposer: None,
            #[cfg(feature = "mutants")]
            rules: None,
        }
    }

    /// Makes acceptors of addresses, as a handle with these options does: with the logins and by the
    /// routes that are given here.
    ///
    /// # Errors
    /// [`AddressError`] when one of the URLs cannot be understood.
    pub fn connector(&self) -> Result<Connector<RemoteAcceptor>, AddressError> {
        Ok(self.connector_with(Arc::new(self.logins()?)))
    }

    pub(crate) fn logins(&self) -> Result<Logins, AddressError> {
        Logins::new(&self.urls, &self.access.credentials)
    }

    pub(crate) fn connector_with(&self, logins: Arc<Logins>) -> Connector<RemoteAcceptor> {
        let (access, route) = (self.access.clone(), self.route.clone());
        Arc::new(move |recorded| {
            let (address, recorded) = address::parse(recorded)?;
            let login = logins.of(&address, &recorded);
            let Some(route) = &route else {
                return RemoteAcceptor::at(&address, &login, &access);
            };
            let (there, mut own) = address::parse(&route(&address.to_string()))?;
            own.credentials = own.credentials.or(&login.credentials);
            RemoteAcceptor::at(&there, &own, &access)
        })
    }

    /// The addresses, as the cluster spells them.
    pub(crate) fn addresses(&self) -> Result<Vec<String>, AddressError> {
        self.urls.iter().map(|url| Ok(address::parse(url)?.0.to_string())).collect()
    }
}

impl fmt::Debug for ConnectOptions {
    /// Without the addresses, which may have passwords in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("prefix", &self.access.prefix)
            .finish_non_exhaustive()
    }
}
