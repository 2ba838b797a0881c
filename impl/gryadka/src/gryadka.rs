//! The store as applications use it: one cloneable handle on a cluster, which follows its changes of
//! membership by itself.

use crate::cluster_proposers::{StoreProposers, TokioClock};
use crate::credentials::{self, Logins};
use crate::following::{Look, follow};
use crate::limits::LimitsError;
use crate::{
    Acceptor, AddressError, BootstrapError, Bytes, CasAnswer, ChangeError, ClusterConfig,
    ClusterConfigError, ConnectOptions, Decision, DirectoryError, Expected, Options, Present,
    ProposerId, RemoteAcceptor, RequestError, Store, Versioned, Watch, address,
};
use gryadka_cluster::{Directory, Proposers, bootstrap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How long the notification of an acceptor of a config may take.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there is no handle on the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No address was given.
    #[error("no acceptor was named; give the address of one at least")]
    NoAcceptors,
    /// An address was given twice: one acceptor would have two votes.
    #[error("{0} is named twice; an acceptor has one vote")]
    Twice(String),
    /// The addresses, or what is found there, cannot be understood.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// An address cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Keys or values may be longer than acceptors can store.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The config has unsafe quorums.
    #[error(transparent)]
    ClusterConfig(#[from] ClusterConfigError),
    /// A cluster could not be made.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// No acceptor that answered belongs to a cluster.
    #[error(
        "none of the acceptors answered as a member of a cluster: {0}; `gryadka cluster init` makes one"
    )]
    NoCluster(String),
    /// A server refuses to talk to this process.
    #[error(
        "a server demands another user or password: {0}; give them in its address, as redis://user:password@host:port, or with --acceptor-user and --acceptor-password-file (or GRYADKA_ACCEPTOR_PASSWORD)"
    )]
    Credentials(String),
}

/// A handle on a cluster. Clones share everything.
#[derive(Clone)]
pub struct Gryadka {
    pub(crate) store: Store<RemoteAcceptor>,
    pub(crate) shared: Arc<Shared>,
}

/// What the clones of a handle have in common, beside the store.
pub(crate) struct Shared {
    pub(crate) directory: Directory<RemoteAcceptor, TokioClock>,
    pub(crate) proposers: StoreProposers,
    logins: Arc<Logins>,
    config: Mutex<ClusterConfig>,
    follower: Mutex<Option<AbortHandle>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = self.follower.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl Shared {
    /// The address in the URL of a server that is to join, perhaps in place of this acceptor. Its login
    /// is kept, unless another acceptor is there: that one is reached as before.
    pub(crate) fn learn(&self, url: &str, leaving: Option<u32>) -> Result<String, AddressError> {
        let (address, login) = address::parse(url)?;
        let text = address.to_string();
        let taken = self
            .config()
            .acceptors
            .iter()
            .any(|(id, own)| Some(*id) != leaving && address::normalised(own) == text);
        if !taken && self.logins.learn(&address, login) {
            self.directory.forget(&text);
        }
        Ok(text)
    }

    pub(crate) fn config(&self) -> ClusterConfig {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over a later config, if it may follow what the store works under.
    pub(crate) fn adopt(
        &self,
        store: &Store<RemoteAcceptor>,
        config: ClusterConfig,
    ) -> Result<bool, ConnectError> {
        let (before, after) = (store.configuration(), config.configuration()?);
        if after.epoch() == before.epoch() + 1 && !after.may_follow(&before) {
            let epoch = after.epoch();
            tracing::error!(
                epoch,
                "the next configuration may not follow this one: not taken over"
            );
            return Ok(false);
        }
        let later = store.reconfigure(after, self.directory.of(&config)?);
        if later {
            tracing::info!(epoch = config.epoch, "a later configuration is taken over");
            *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
        }
        Ok(later)
    }
}

/// A proposer id that no other proposer has: one of 2^52, drawn at random.
#[must_use]
pub fn fresh_proposer_id() -> ProposerId {
    ProposerId(rand::random_range(1..=1 << 52))
}

impl Gryadka {
    /// Becomes a proposer of the cluster that these acceptors belong to.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        if options.urls.is_empty() {
            return Err(ConnectError::NoAcceptors);
        }
        let addresses = options.addresses()?;
        if let Some(twice) = first_twice(&addresses) {
            return Err(ConnectError::Twice(twice.clone()));
        }
        Self::connect_to(options, addresses, None).await
    }

    /// The same for the acceptors at these addresses, of this cluster where one is named. Of the
    /// URLs of `options` only the logins are used.
    pub(crate) async fn connect_to(
        options: ConnectOptions,
        addresses: Vec<String>,
        cluster: Option<u64>,
    ) -> Result<Self, ConnectError> {
        options.limits.check()?;
        let logins = Arc::new(options.logins()?);
        let connector = options.connector_with(Arc::clone(&logins));
        let directory = Directory::new(connector, TokioClock::new());
        let proposers = StoreProposers {
            #[cfg(feature = "mutants")]
            rules: options.rules.clone(),
        };
        let config = if options.initialise {
            let token = || Proposers::<RemoteAcceptor>::token(&proposers);
            let fresh = rand::random_range(1..=1 << 52);
            bootstrap(&directory, &addresses, fresh, &token).await.map_err(not_made)?
        } else {
            match directory.newest(&addresses, cluster).await? {
                Some(config) => config,
                None => return Err(no_cluster(&directory, &addresses).await?),
            }
        };
        let proposer = options.proposer.unwrap_or_else(fresh_proposer_id);
        let settings = Options {
            cache: options.cache,
            cache_bytes: options.cache_bytes,
            limits: options.limits,
            #[cfg(feature = "mutants")]
            rules: options.rules.clone(),
            ..Options::new(proposer, config.cluster, config.configuration()?)
        };
        let store = Store::new(settings, directory.of(&config)?);
        let shared = Arc::new(Shared {
            directory,
            proposers,
            logins,
            config: Mutex::new(config),
            follower: Mutex::default(),
        });
        let (seen, cluster) = (store.clone(), Arc::downgrade(&shared));
        let look = move || look_once(seen.clone(), Weak::clone(&cluster));
        let follower = tokio::spawn(follow(store.clone(), look));
        *shared.follower.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(follower.abort_handle());
        Ok(Self { store, shared })
    }

    /// See [`Store::change`].
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] and [`ChangeError::Unknown`] as [`Store::change`] says;
    /// [`ChangeError::TooLong`] for the key or the value.
    pub async fn change<T, F>(&self, key: &[u8], f: F, deadline: Instant) -> Result<T, ChangeError>
    where
        T: Send + 'static,
        F: FnMut(Present<'_>) -> Decision<Bytes, T> + Send + 'static,
    {
        self.store.change(key, f, deadline).await
    }

    /// See [`Store::get`].
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`], or [`ChangeError::TooLong`] for the key; never
    /// [`ChangeError::Unknown`].
    pub async fn get(
        &self,
        key: &[u8],
        deadline: Instant,
    ) -> Result<Option<Versioned>, ChangeError> {
        self.store.get(key, deadline).await
    }

    /// See [`Store::set`].
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] and [`ChangeError::Unknown`] as [`Store::change`] says;
    /// [`ChangeError::TooLong`] for the key or the value.
    pub async fn set(
        &self,
        key: &[u8],
        value: Bytes,
        deadline: Instant,
    ) -> Result<u64, ChangeError> {
        self.store.set(key, value, deadline).await
    }

    /// See [`Store::compare_and_set`].
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] and [`ChangeError::Unknown`] as [`Store::change`] says;
    /// [`ChangeError::TooLong`] for the key or the value. A mismatch is an answer, not an error.
    pub async fn compare_and_set(
        &self,
        key: &[u8],
        expected: Expected,
        value: Bytes,
        deadline: Instant,
    ) -> Result<CasAnswer, ChangeError> {
        self.store.compare_and_set(key, expected, value, deadline).await
    }

    /// See [`Store::delete`].
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] and [`ChangeError::Unknown`] as [`Store::change`] says;
    /// [`ChangeError::TooLong`] for the key. A mismatch is an answer, not an error.
    pub async fn delete(
        &self,
        key: &[u8],
        expected: Expected,
        deadline: Instant,
    ) -> Result<CasAnswer, ChangeError> {
        self.store.delete(key, expected, deadline).await
    }

    /// See [`Store::get_many`].
    pub async fn get_many(
        &self,
        keys: &[&[u8]],
        deadline: Instant,
    ) -> Vec<Result<Option<Versioned>, ChangeError>> {
        self.store.get_many(keys, deadline).await
    }

    /// See [`Store::set_many`].
    pub async fn set_many(
        &self,
        entries: &[(&[u8], Bytes)],
        deadline: Instant,
    ) -> Vec<Result<u64, ChangeError>> {
        self.store.set_many(entries, deadline).await
    }

    /// Watches a register by reading it again and again; what it holds now counts as known.
    #[must_use]
    pub fn watch(&self, key: &[u8], every: Duration) -> Watch<RemoteAcceptor> {
        Watch::new(self.store.clone(), key, every)
    }

    /// The store itself.
    #[must_use]
    pub const fn store(&self) -> &Store<RemoteAcceptor> {
        &self.store
    }
}

impl fmt::Debug for Gryadka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses may have passwords in them.
        let ClusterConfig { cluster, epoch, .. } = self.shared.config();
        f.debug_struct("Gryadka")
            .field("cluster", &cluster)
            .field("epoch", &epoch)
            .finish_non_exhaustive()
    }
}

/// One look for a later configuration, as long as there is a handle on the cluster.
async fn look_once(store: Store<RemoteAcceptor>, shared: Weak<Shared>) -> Look {
    let Some(shared) = shared.upgrade() else { return Look::Over };
    match look(&store, &shared).await {
        Ok(true) => Look::Adopted,
        Ok(false) => Look::NothingNew,
        Err(error) => {
            tracing::warn!(%error, "the later configuration cannot be read yet");
            Look::NothingNew
        }
    }
}

/// Takes over the latest configuration that acceptors know of, and notifies all of them of it: this
/// proposer's calls will raise their epochs, and a proposer that is fenced by that must find the
/// configuration there.
async fn look(store: &Store<RemoteAcceptor>, shared: &Shared) -> Result<bool, ConnectError> {
    let known = shared.config();
    let addresses: Vec<String> = known.acceptors.into_values().collect();
    let newest = shared.directory.newest(&addresses, Some(known.cluster)).await?;
    let Some(newest) = newest else { return Ok(false) };
    for (id, acceptor) in shared.directory.of(&newest)? {
        let (identity, epoch, bytes) = (newest.identity(id.0), newest.epoch, newest.bytes());
        tokio::spawn(async move {
            drop(
                tokio::time::timeout(NOTIFY_TIMEOUT, acceptor.set_epoch(identity, epoch, bytes))
                    .await,
            );
        });
    }
    shared.adopt(store, newest)
}

fn first_twice(urls: &[String]) -> Option<&String> {
    urls.iter().enumerate().find_map(|(at, url)| urls[..at].contains(url).then_some(url))
}

/// The error when no acceptor is one of a cluster, with what each answered.
async fn no_cluster(
    directory: &Directory<RemoteAcceptor, TokioClock>,
    urls: &[String],
) -> Result<ConnectError, AddressError> {
    let found = directory.ask(urls).await?;
    let is_locked = |error: &RequestError| credentials::wants_credentials(error);
    let locked = found.iter().any(|found| found.status.as_ref().is_err_and(is_locked));
    let said = found.into_iter().map(|found| match found.status {
        Ok(_) => format!("{} belongs to no cluster", found.address),
        Err(error) => format!("{}: {error}", found.address),
    });
    let said = said.collect::<Vec<_>>().join("; ");
    Ok(if locked { ConnectError::Credentials(said) } else { ConnectError::NoCluster(said) })
}

/// Why no cluster could be made. Where a server refuses this process, the user must change the credentials;
/// and records of earlier versions have logins in them.
fn not_made(error: BootstrapError) -> ConnectError {
    match error {
        BootstrapError::Acceptor { address, error } if credentials::wants_credentials(&error) => {
            ConnectError::Credentials(format!("{address}: {error}"))
        }
        BootstrapError::Moved { address, cluster, acceptors } => {
            let acceptors = address::redacted(&acceptors);
            BootstrapError::Moved { address, cluster, acceptors }.into()
        }
        error @ (BootstrapError::Directory(_)
        | BootstrapError::Acceptor { .. }
        | BootstrapError::Taken { .. }) => error.into(),
    }
}
